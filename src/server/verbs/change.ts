import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import { parseCompaction } from "../../protocol/compaction_policy.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import {
  STREAM_COMPACTION,
  STREAM_EARLIEST_OFFSET,
  STREAM_NEXT_OFFSET,
  STREAM_RETENTION,
  STREAM_TRIM_BEFORE,
} from "../../protocol/headers.ts";
import {
  formatOffset,
  type Offset,
  parseOffset,
  spaceAt,
  tokenPosition,
} from "../../protocol/offset.ts";
import { parseRetention } from "../../protocol/retention.ts";
import { parseTime } from "../../protocol/time.ts";
import type { StreamChange, TrimBeforeTime } from "../../storage/storage.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import { addPolicyHeaders, checkRetention } from "../common/kept.ts";
import type { ServerContext } from "./context.ts";

/** So far a client's clock may be ahead. */
const CLOCK_SLACK_MS = 60_000;

/** PATCH: changes what becomes of a stream's older messages, or trims it, or both (an extension). */
export async function change(
  context: ServerContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  const { names, storage } = context;
  const name = names.of(request);
  checkRetention(storage);
  const updated = await storage.update(name, await parseChange(context, name, request));
  const { space, earliest, tail, policies } = updated;
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    ...NO_STORE,
    [STREAM_NEXT_OFFSET]: formatOffset(space, tail),
    [STREAM_EARLIEST_OFFSET]: formatOffset(space, earliest),
  };
  addPolicyHeaders(headers, policies);
  return { status: 204, headers, body: null };
}

async function parseChange(
  context: ServerContext,
  name: string,
  { headers }: HttpRequest,
): Promise<StreamChange> {
  const retention = headers.get(STREAM_RETENTION);
  const before = headers.get(STREAM_TRIM_BEFORE);
  const compaction = headers.get(STREAM_COMPACTION);
  if (retention === null && before === null && compaction === null) {
    throw new StreamError(
      { code: "invalid_header" },
      "A PATCH says what to change: expected Stream-Retention, Stream-Compaction, " +
        "Stream-Trim-Before, or several of them.",
    );
  }
  return {
    ...(compaction === null ? {} : { compaction: parseCompaction(compaction) ?? null }),
    ...(retention === null ? {} : { retention: retentionOrNone(retention) }),
    ...(before === null ? {} : { trimBefore: await parseTrimBefore(context, name, before) }),
  };
}

function retentionOrNone(value: string): StreamChange["retention"] {
  return value.trim() === "" ? null : parseRetention(value);
}

async function parseTrimBefore(
  { storage, clock }: ServerContext,
  name: string,
  value: string,
): Promise<Offset | TrimBeforeTime> {
  if (value === "-1") return 0;
  if (value === "now") {
    const { space, tail } = await storage.head(name);
    return { space: spaceAt(space, tail), position: tail };
  }
  const beforeMs = parseTime(value);
  if (beforeMs !== undefined) {
    if (beforeMs <= clock.nowMs() + CLOCK_SLACK_MS) return { beforeMs };
    throw new StreamError(
      { code: "invalid_header" },
      `Stream-Trim-Before ${
        quote(value)
      } is in the future, which would trim all there is: expected ` +
        "a time that has been, or now where all is meant.",
    );
  }
  if (tokenPosition(value) !== undefined) return parseOffset("Stream-Trim-Before", value);
  throw new StreamError(
    { code: "invalid_header" },
    `Stream-Trim-Before ${quote(value)} is neither an offset nor a time: expected a ` +
      "Stream-Next-Offset value of the stream, now for all there is, or RFC 3339 such as " +
      "2030-01-31T12:00:00Z.",
  );
}
