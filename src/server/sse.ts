import type { Answer, HeaderFields, HttpRequest } from "../http/exchange.ts";
import { sseEncoding } from "../protocol/content_type.ts";
import { nextCursor } from "../protocol/cursor.ts";
import {
  STREAM_CLOSED,
  STREAM_CURSOR,
  STREAM_NEXT_OFFSET,
  STREAM_SSE_DATA_ENCODING,
  STREAM_UP_TO_DATE,
} from "../protocol/headers.ts";
import { formatOffset } from "../protocol/offset.ts";
import type { ReadQuery } from "./read_query.ts";
import { COMMON_HEADERS } from "./response.ts";
import type { Serving } from "./serving.ts";

/** GET live=sse: all that there is and then what comes, as server-sent events (PROTOCOL §5.8). */
export async function sse(
  serving: Serving,
  request: HttpRequest,
  name: string,
  query: ReadQuery,
): Promise<Answer> {
  const first = await serving.storage.read(name, query.from, serving.config.chunkBytes);
  const cursor = nextCursor(query.cursor, serving.clock.nowMs());
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    [STREAM_NEXT_OFFSET]: formatOffset(first.space, first.start),
    [STREAM_CURSOR]: String(cursor),
  };
  // PROTOCOL §8 asks for these where a read of `now` meets a closed stream, whatever the mode.
  if (first.start === first.tail && first.closed) {
    headers[STREAM_UP_TO_DATE] = "true";
    headers[STREAM_CLOSED] = "true";
  }
  if (sseEncoding(first.contentType) === "base64") {
    headers[STREAM_SSE_DATA_ENCODING] = "base64";
  }
  return { status: 200, headers, body: serving.sse.open(name, first, cursor, request.signal) };
}
