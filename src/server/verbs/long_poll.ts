import type { Permit } from "../../access/permit.ts";
import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import { nextCursor } from "../../protocol/cursor.ts";
import {
  STREAM_CLOSED,
  STREAM_CURSOR,
  STREAM_NEXT_OFFSET,
  STREAM_UP_TO_DATE,
} from "../../protocol/headers.ts";
import { formatOffset } from "../../protocol/offset.ts";
import type { ReadResult } from "../../storage/storage.ts";
import { chunkResponse } from "./chunk_response.ts";
import { completesPoll, readNext } from "../live/poll_hub.ts";
import { checkOrdinals, countAt, withOrdinals } from "../common/ordinals.ts";
import type { ReadQuery } from "./read_query.ts";
import { addKeptHeaders } from "../common/kept.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import type { ServerContext } from "./context.ts";

/** GET live=long-poll: data at once where there is some, else when it comes (PROTOCOL §5.7). */
export async function longPoll(
  context: ServerContext,
  request: HttpRequest,
  name: string,
  query: ReadQuery,
  permit?: Permit,
): Promise<HttpResponse> {
  const { storage, config, polls, clock } = context;
  if (query.ordinals) checkOrdinals(storage);
  const first = await storage.read(name, query.from, config.chunkBytes);
  const result = completesPoll(first)
    ? undefined
    : await polls.wait(name, first, request.signal, permit);
  // Nothing is read any more by a right that has ended.
  if (result === "ended") return emptyResponse(first, nextCursor(query.cursor, clock.nowMs()));
  const chunk = result?.chunk ??
    (completesPoll(first) ? first : await readNext(storage, name, first, config.chunkBytes));
  const cursor = nextCursor(query.cursor, clock.nowMs());
  const response = chunk.data.length > 0
    ? chunkResponse(context, request, name, chunk, query, cursor, result?.body)
    : emptyResponse(chunk, cursor);
  if (!query.ordinals) return response;
  const end = chunk.data.length > 0 ? chunk.next : chunk.tail;
  return withOrdinals(await response, await countAt(storage, name, chunk, end));
}

function emptyResponse(chunk: ReadResult, cursor: number): HttpResponse {
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    ...NO_STORE,
    [STREAM_NEXT_OFFSET]: formatOffset(chunk.space, chunk.tail),
    [STREAM_UP_TO_DATE]: "true",
    [STREAM_CURSOR]: String(cursor),
  };
  addKeptHeaders(headers, chunk);
  if (chunk.closed) headers[STREAM_CLOSED] = "true";
  return { status: 204, headers, body: null };
}
