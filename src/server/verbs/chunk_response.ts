import { bodyLength, isFileSlice } from "../../env/file_body.ts";
import { compactedUpToOf } from "../common/compacted_up_to.ts";
import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { formatEtag, matchesEtag } from "../../protocol/etag.ts";
import {
  STREAM_CLOSED,
  STREAM_COMPACTED,
  STREAM_CURSOR,
  STREAM_NEXT_OFFSET,
  STREAM_START_OFFSET,
  STREAM_UP_TO_DATE,
} from "../../protocol/headers.ts";
import { formatOffset, isOffset } from "../../protocol/offset.ts";
import type { BodyResult } from "../../storage/storage.ts";
import { bodyOf } from "../body/chunk_body.ts";
import { addKeptHeaders, losesMessages } from "../common/kept.ts";
import type { ReadQuery } from "./read_query.ts";
import { COMMON_HEADERS } from "../common/common_headers.ts";
import type { ServerContext } from "./context.ts";

const MAX_AGE_SECONDS = 60;
const STALE_SECONDS = 300;
/**
 * Types that a browser shows as documents whose scripts run: as of this server's own origin, where its page
 * takes tokens.
 */
export const RUNNING_TYPE = /html|xml|xsl/i;

/**
 * The answer that carries a chunk, in catch-up and long-poll alike (PROTOCOL §5.6, §10.1). In catch-up
 * it may be compressed; what many long-polls wait for is the same bytes for all.
 *
 * @param body the chunk's {@link bodyOf}, where that is made already
 */
export function chunkResponse(
  context: ServerContext,
  request: HttpRequest,
  name: string,
  chunk: BodyResult,
  query: ReadQuery,
  cursor: number | undefined,
  body?: Bytes,
): HttpResponse | Promise<HttpResponse> {
  const upToDate = chunk.next === chunk.tail;
  const closed = upToDate && chunk.closed;
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    "content-type": chunk.contentType,
    [STREAM_NEXT_OFFSET]: formatOffset(chunk.space, chunk.next),
  };
  const compactedUpTo = compactedUpToOf(chunk);
  if (compactedUpTo !== undefined) headers[STREAM_COMPACTED] = compactedUpTo;
  if (RUNNING_TYPE.test(chunk.contentType)) headers["content-security-policy"] = "sandbox";
  if (losesMessages(chunk)) addKeptHeaders(headers, chunk);
  if (upToDate) headers[STREAM_UP_TO_DATE] = "true";
  if (closed) headers[STREAM_CLOSED] = "true";
  if (cursor !== undefined) headers[STREAM_CURSOR] = String(cursor);
  const isFixed = isOffset(query.from);
  // Who counts on from here knows of which stream.
  if (!isFixed || typeof query.from === "number") {
    headers[STREAM_START_OFFSET] = formatOffset(chunk.space, chunk.start);
  }
  // What isn't there yet must not be cached, and what is at `now` is never the same twice.
  if (!isFixed || chunk.start === chunk.next) headers["cache-control"] = "no-store";
  else headers["cache-control"] = cacheControl(context, name, chunk);

  const compressor = query.live === "no" && context.compressor?.fits({
      contentType: chunk.contentType,
      bytes: bodyLength(chunk.data),
    })
    ? context.compressor
    : undefined;
  if (compressor !== undefined) headers["vary"] = "accept-encoding";
  const isCompressed = compressor?.isWanted(request.headers.get("accept-encoding")) ?? false;
  if (isFixed) {
    const ifNoneMatch = request.headers.get("if-none-match");
    const etag = etagOf(context, chunk, closed, isCompressed);
    headers["etag"] = etag;
    if (ifNoneMatch !== null && matchesEtag(ifNoneMatch, etag)) {
      if (isFileSlice(chunk.data)) chunk.data.release();
      return { status: 304, headers, body: null };
    }
  }
  const sent = body ?? bodyOf(chunk);
  if (compressor !== undefined && isCompressed) {
    if (compressor.hasRoom) {
      headers["content-encoding"] = "gzip";
      return compressor.compress(sent).then((body) => ({ status: 200, headers, body }));
    }
    if (isFixed) headers["etag"] = etagOf(context, chunk, closed, false);
  }
  // Bun would give the name of the blob's file here.
  if (sent instanceof Blob) headers["content-disposition"] = "inline";
  return { status: 200, headers, body: sent };
}

function etagOf(
  { storage }: ServerContext,
  { id, start, next, data, compactedUpTo = 0 }: BodyResult,
  closed: boolean,
  isCompressed: boolean,
): string {
  // The same two offsets may have fewer messages between them by then, and so fewer bytes.
  const compaction = start < compactedUpTo
    ? `-${compactedUpTo.toString(36)}-${bodyLength(data).toString(36)}`
    : "";
  const identity = `${storage.identity}-${id.toString(36)}${compaction}`;
  return formatEtag(identity, start, next, closed, isCompressed ? "gzip" : undefined);
}

/**
 * A cache may keep a chunk as long as the stream itself is sure to live; one that may be trimmed by now, no
 * longer than it is fresh.
 */
function cacheControl(context: ServerContext, name: string, chunk: BodyResult): string {
  const { expiresAtMs } = chunk;
  const scope = context.config.isPrivate(name) ? "private" : "public";
  const leftSeconds = Math.floor((expiresAtMs - context.clock.nowMs()) / 1000);
  const maxAge = Math.max(0, Math.min(MAX_AGE_SECONDS, leftSeconds));
  const stale = losesMessages(chunk) ? 0 : Math.min(STALE_SECONDS, leftSeconds - maxAge);
  return stale > 0
    ? `${scope}, max-age=${maxAge}, stale-while-revalidate=${stale}`
    : `${scope}, max-age=${maxAge}`;
}
