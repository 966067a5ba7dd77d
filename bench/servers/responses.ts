import {
  isTrue,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  PRODUCER_SEQ,
  STREAM_CLOSED,
  STREAM_CURSOR,
  STREAM_EXPECTED_OFFSET,
  STREAM_NEXT_OFFSET,
  STREAM_SEQ,
  STREAM_UP_TO_DATE,
} from "../../src/protocol/headers.ts";
import { formatOffset, tokenPosition } from "../../src/protocol/offset.ts";
import type { HeaderFields } from "../../src/http/handler.ts";
import { COMMON_HEADERS } from "../../src/server/common/common_headers.ts";

const SPACE = 1;
const TOKEN_LENGTH = formatOffset(SPACE, 0).length;

/** An offset as this project's server prints it. */
export function offsetToken(offset: number): string {
  return formatOffset(SPACE, offset);
}

/** What an append's decision depends on, read from its headers as this project's server reads it. */
export interface AppendHeaders {
  readonly producer: { readonly epoch: string; readonly seq: string } | undefined;
}

/**
 * Reads every request header that an append of this project's server reads.
 *
 * @returns undefined where the handler has no answer: a close, a wrong sequence or no content type.
 */
export function readAppendHeaders(request: Request): AppendHeaders | undefined {
  const { headers } = request;
  const seq = headers.get(STREAM_SEQ);
  const expected = headers.get(STREAM_EXPECTED_OFFSET);
  const id = headers.get(PRODUCER_ID);
  const producerEpoch = headers.get(PRODUCER_EPOCH);
  const producerSeq = headers.get(PRODUCER_SEQ);
  const contentType = headers.get("content-type");
  const isClose = isTrue(headers.get(STREAM_CLOSED));
  const length = headers.get("content-length");
  if (seq !== null || expected !== null || isClose || contentType === null || length === null) {
    return undefined;
  }
  // What a page sends is answered with more; the benchmark's clients are none.
  if (headers.get("origin") !== null) return undefined;
  if (id === null || producerEpoch === null || producerSeq === null) return { producer: undefined };
  return { producer: { epoch: producerEpoch, seq: producerSeq } };
}

/** The answer to an append, with the status and the headers of this project's server. */
export function appended(nextOffset: number, { producer }: AppendHeaders): Response {
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    [STREAM_NEXT_OFFSET]: offsetToken(nextOffset),
  };
  if (producer !== undefined) {
    headers[PRODUCER_EPOCH] = producer.epoch;
    headers[PRODUCER_SEQ] = producer.seq;
  }
  return new Response(null, { status: producer === undefined ? 204 : 200, headers });
}

/** The answer to a create. */
export function created(request: Request): Response {
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    "cache-control": "no-store",
    "content-type": request.headers.get("content-type") ?? "application/octet-stream",
    [STREAM_NEXT_OFFSET]: offsetToken(0),
    location: request.url,
  };
  return new Response(null, { status: 201, headers });
}

/** Which bytes of the synthetic stream an answer holds. */
export interface ChunkRange {
  readonly start: number;
  readonly end: number;
  readonly last: boolean;
}

/** The answer to a catch-up read of one chunk of the synthetic stream. */
export function chunkResponse(body: BodyInit, contentType: string, chunk: ChunkRange): Response {
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    "content-type": contentType,
    [STREAM_NEXT_OFFSET]: offsetToken(chunk.end),
    "cache-control": "public, max-age=60, stale-while-revalidate=300",
    etag: `"bench:${chunk.start}:${chunk.end}"`,
  };
  if (chunk.last) headers[STREAM_UP_TO_DATE] = "true";
  return new Response(body, { status: 200, headers });
}

/** The answer to a long-poll that got data. */
export function longPollResponse(
  body: BodyInit,
  contentType: string,
  nextOffset: number,
): Response {
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    "content-type": contentType,
    [STREAM_NEXT_OFFSET]: offsetToken(nextOffset),
    [STREAM_UP_TO_DATE]: "true",
    [STREAM_CURSOR]: "1",
    "cache-control": "public, max-age=60, stale-while-revalidate=300",
  };
  return new Response(body, { status: 200, headers });
}

/** The answer that opens an SSE connection. */
export function sseResponse(body: ReadableStream<Uint8Array<ArrayBuffer>>): Response {
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    [STREAM_NEXT_OFFSET]: offsetToken(0),
    [STREAM_CURSOR]: "1",
  };
  return new Response(body, { status: 200, headers });
}

/** The `offset` of a read as a number, -1 for the start; the bench's readers send what they were given. */
export function requestedOffset(url: string): number {
  const at = url.indexOf("offset=");
  if (at < 0) return -1;
  const start = at + "offset=".length;
  return tokenPosition(url.slice(start, start + TOKEN_LENGTH)) ?? -1;
}

/** The chunk that a catch-up read asks for. */
export function requestedChunk(url: string, streamBytes: number, chunkBytes: number): ChunkRange {
  const asked = requestedOffset(url);
  const start = asked >= 0 && asked < streamBytes ? asked : 0;
  const end = Math.min(start + chunkBytes, streamBytes);
  return { start, end, last: end === streamBytes };
}

/** The path of a URL, without the cost of parsing it. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}
