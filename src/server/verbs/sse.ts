import type { Permit } from "../../access/permit.ts";
import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import { sseEncoding } from "../../protocol/content_type.ts";
import { nextCursor } from "../../protocol/cursor.ts";
import { type EventId, parseEventId } from "../../protocol/event_id.ts";
import {
  STREAM_CLOSED,
  STREAM_CURSOR,
  STREAM_NEXT_OFFSET,
  STREAM_SSE_DATA_ENCODING,
  STREAM_UP_TO_DATE,
} from "../../protocol/headers.ts";
import { formatOffset, isOffset, positionOf, type ReadFrom } from "../../protocol/offset.ts";
import type { ReadResult } from "../../storage/storage.ts";
import { checkOrdinals, countAt } from "../common/ordinals.ts";
import type { ReadQuery } from "./read_query.ts";
import { addKeptHeaders } from "../common/kept.ts";
import { COMMON_HEADERS, NO_CACHE, NO_STORE } from "../common/common_headers.ts";
import type { ServerContext } from "./context.ts";

/** The response depends on where the client is, too: a cache must not take one for another. */
const VARY: Readonly<HeaderFields> = { "vary": "last-event-id" };

/**
 * GET live=sse: all that there is and then what comes, as server-sent events (PROTOCOL §5.8). A browser's
 * `EventSource` that comes back with `Last-Event-ID` goes on after that event (an extension).
 */
export async function sse(
  context: ServerContext,
  request: HttpRequest,
  name: string,
  query: ReadQuery,
  permit?: Permit,
): Promise<HttpResponse> {
  const last = lastEventOf(request);
  const from = laterOf(query.from, last);
  if (query.ordinals) checkOrdinals(context.storage);
  const first = await context.storage.read(name, from, context.config.chunkBytes);
  if (from === last?.offset && last.isClosed && isEnd(first)) return endResponse(first);
  const cursor = nextCursor(query.cursor, context.clock.nowMs());
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    ...VARY,
    "content-type": "text/event-stream",
    ...NO_CACHE,
    "x-accel-buffering": "no",
    [STREAM_NEXT_OFFSET]: formatOffset(first.space, first.start),
    [STREAM_CURSOR]: String(cursor),
  };
  addKeptHeaders(headers, first);
  // PROTOCOL §8 asks for these where a read of `now` meets a closed stream, whatever the mode.
  if (isEnd(first)) {
    headers[STREAM_UP_TO_DATE] = "true";
    headers[STREAM_CLOSED] = "true";
  }
  if (sseEncoding(first.contentType) === "base64") {
    headers[STREAM_SSE_DATA_ENCODING] = "base64";
  }
  const count = query.ordinals
    ? await countAt(context.storage, name, first, first.next)
    : undefined;
  const body = context.sse.open(name, { first, cursor, count }, request.signal, permit);
  return { status: 200, headers, body };
}

function lastEventOf({ headers }: HttpRequest): EventId | undefined {
  const value = headers.get("last-event-id");
  return value === null || value === "" ? undefined : parseEventId(value);
}

/** An `EventSource` comes back to the URL that it began with, which may name a place long passed. */
function laterOf(from: ReadFrom, last: EventId | undefined): ReadFrom {
  if (last === undefined) return from;
  return isOffset(from) && positionOf(from) > positionOf(last.offset) ? from : last.offset;
}

function isEnd({ start, tail, closed }: ReadResult): boolean {
  return closed && start === tail;
}

/** For a client that was told of the closure already: a 204 tells `EventSource` not to come back. */
function endResponse({ space, tail }: ReadResult): HttpResponse {
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    ...VARY,
    ...NO_STORE,
    [STREAM_NEXT_OFFSET]: formatOffset(space, tail),
    [STREAM_UP_TO_DATE]: "true",
    [STREAM_CLOSED]: "true",
  };
  return { status: 204, headers, body: null };
}
