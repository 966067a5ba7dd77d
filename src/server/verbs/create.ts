import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import { parseCompaction } from "../../protocol/compaction_policy.ts";
import { checkContentType } from "../../protocol/content_type.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import {
  isTrue,
  STREAM_CLOSED,
  STREAM_COMPACTION,
  STREAM_EXPIRES_AT,
  STREAM_FORK_OFFSET,
  STREAM_FORK_SUB_OFFSET,
  STREAM_FORKED_FROM,
  STREAM_NEXT_OFFSET,
  STREAM_RETENTION,
  STREAM_TTL,
} from "../../protocol/headers.ts";
import { parseLifetime } from "../../protocol/lifetime.ts";
import { parseRetention } from "../../protocol/retention.ts";
import { formatOffset, type Offset, parseOffset } from "../../protocol/offset.ts";
import type { CreateSpec, ForkSpec } from "../../storage/storage.ts";
import { type Asker, requireRight } from "../access/guard.ts";
import { traceOf } from "../log/request_span.ts";
import type { ServerContext } from "./context.ts";
import { addPolicyHeaders, checkRetention } from "../common/kept.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import { checkWholeStream } from "../common/snapshot_query.ts";

/** PUT: makes a stream or a fork, or confirms that it is there (PROTOCOL §4.2, §5.1). */
export async function create(
  context: ServerContext,
  request: HttpRequest,
  asker?: Asker,
): Promise<HttpResponse> {
  const { headers } = request;
  checkWholeStream(request);
  const name = context.names.of(request);
  const contentType = headers.get("content-type");
  const policies = parsePolicies(context, request);
  const { created, ...stream } = await context.storage.create(name, {
    trace: context.config.tracer === undefined ? undefined : traceOf(request),
    contentType: contentType === null ? undefined : checkContentType(contentType),
    lifetime: parseLifetime(headers.get(STREAM_TTL), headers.get(STREAM_EXPIRES_AT)),
    closed: isTrue(headers.get(STREAM_CLOSED)),
    fork: parseFork(context, request, asker),
    policies,
    body: await context.bodies.read(request),
  });
  const responseHeaders: HeaderFields = {
    ...COMMON_HEADERS,
    ...NO_STORE,
    "content-type": stream.contentType,
    [STREAM_NEXT_OFFSET]: formatOffset(stream.space, stream.tail),
  };
  if (created) responseHeaders["location"] = context.urls.of(request);
  if (stream.closed) responseHeaders[STREAM_CLOSED] = "true";
  if (policies !== INHERIT) addPolicyHeaders(responseHeaders, policies);
  return { status: created ? 201 : 200, headers: responseHeaders, body: null };
}

/** The `Stream-Retention` of a fork that has its source's policies. */
const INHERIT = "inherit";

function parsePolicies(
  { storage }: ServerContext,
  { headers }: HttpRequest,
): CreateSpec["policies"] {
  const retention = headers.get(STREAM_RETENTION);
  const compacts = headers.get(STREAM_COMPACTION);
  if (retention === null && compacts === null) return undefined;
  checkRetention(storage);
  if (retention !== INHERIT) {
    const compaction = compacts === null ? undefined : parseCompaction(compacts);
    return {
      ...(retention === null ? {} : { retention: parseRetention(retention) }),
      ...(compaction === undefined ? {} : { compaction }),
    };
  }
  if (compacts !== null) {
    throw new StreamError(
      { code: "invalid_header" },
      "Stream-Retention inherit has the source's compaction as well: leave Stream-Compaction out.",
    );
  }
  if (headers.get(STREAM_FORKED_FROM) !== null) return INHERIT;
  throw new StreamError(
    { code: "invalid_header" },
    "Stream-Retention inherit needs Stream-Forked-From beside it: only a fork has a source.",
  );
}

const SUB_OFFSET = /^(?:0|[1-9][0-9]*)$/;

function parseFork(
  { names, urls }: ServerContext,
  request: HttpRequest,
  asker: Asker,
): ForkSpec | undefined {
  const source = request.headers.get(STREAM_FORKED_FROM);
  const offset = request.headers.get(STREAM_FORK_OFFSET);
  const subOffset = request.headers.get(STREAM_FORK_SUB_OFFSET);
  if (source === null) {
    if (offset === null && subOffset === null) return undefined;
    throw new StreamError(
      { code: "invalid_fork" },
      "Stream-Fork-Offset and Stream-Fork-Sub-Offset need Stream-Forked-From beside them.",
    );
  }
  const skip = subOffset === null ? 0 : parseSubOffset(subOffset);
  if (skip > 0 && offset === null) {
    throw new StreamError(
      { code: "invalid_fork" },
      "Stream-Fork-Sub-Offset needs Stream-Fork-Offset beside it: it counts from there.",
    );
  }
  const sourceName = names.ofSource(source, request, urls.baseOf(request));
  // A fork holds what its source holds.
  requireRight(asker, "read", sourceName);
  return {
    source: sourceName,
    offset: offset === null ? undefined : parseForkOffset(offset),
    subOffset: skip,
  };
}

function parseForkOffset(token: string): Offset {
  return token === "-1" ? 0 : parseOffset("Stream-Fork-Offset", token);
}

function parseSubOffset(value: string): number {
  const count = SUB_OFFSET.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new StreamError(
    { code: "invalid_fork" },
    `Stream-Fork-Sub-Offset ${quote(value)} is not a count: expected a decimal integer without ` +
      "sign or leading zeros.",
  );
}
