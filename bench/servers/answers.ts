import { CHUNK_BYTES } from "./synthetic_stream.ts";

const EXPOSED = [
  "stream-next-offset",
  "stream-up-to-date",
  "stream-closed",
  "stream-cursor",
  "stream-ttl",
  "stream-expires-at",
  "stream-sse-data-encoding",
  "producer-epoch",
  "producer-seq",
  "producer-expected-seq",
  "producer-received-seq",
  "etag",
  "location",
].join(", ");

/** An offset as the protocol's servers print it: 20 digits. */
export function offsetToken(offset: number): string {
  return String(offset).padStart(20, "0");
}

/** The answer to an append, with the headers a real server sends. */
export function appended(nextOffset: number): Response {
  return new Response(null, {
    status: 204,
    headers: [
      ["stream-next-offset", offsetToken(nextOffset)],
      ["x-content-type-options", "nosniff"],
      ["cross-origin-resource-policy", "cross-origin"],
      ["access-control-allow-origin", "*"],
      ["access-control-expose-headers", EXPOSED],
      ["cache-control", "no-store"],
    ],
  });
}

/** The answer to a create. */
export function created(): Response {
  return new Response(null, {
    status: 201,
    headers: [["stream-next-offset", offsetToken(0)], ["cache-control", "no-store"]],
  });
}

/** The answer to a catch-up read of one chunk of the synthetic stream. */
export function chunkAnswer(
  body: BodyInit,
  contentType: string,
  chunk: ChunkRange,
): Response {
  const headers: [string, string][] = [
    ["content-type", contentType],
    ["stream-next-offset", offsetToken(chunk.end)],
    ["etag", `"bench:${chunk.start}:${chunk.end}"`],
    ["x-content-type-options", "nosniff"],
    ["cross-origin-resource-policy", "cross-origin"],
    ["access-control-allow-origin", "*"],
    ["access-control-expose-headers", EXPOSED],
    ["cache-control", "public, max-age=60, stale-while-revalidate=300"],
  ];
  if (chunk.last) headers.push(["stream-up-to-date", "true"]);
  return new Response(body, { status: 200, headers });
}

/** Which bytes of the synthetic stream an answer holds. */
export interface ChunkRange {
  readonly start: number;
  readonly end: number;
  readonly last: boolean;
}

/** The chunk that a read's `offset` asks for; the bench's readers only send offsets they were given. */
export function requestedChunk(url: string, streamBytes: number): ChunkRange {
  const at = url.indexOf("offset=");
  const asked = at < 0 ? 0 : Number.parseInt(url.slice(at + "offset=".length), 10);
  const start = asked >= 0 && asked < streamBytes ? asked : 0;
  const end = Math.min(start + CHUNK_BYTES, streamBytes);
  return { start, end, last: end === streamBytes };
}

/** Reads the request headers that an append's decision depends on, as a real server has to. */
export function readAppendHeaders(request: Request): boolean {
  const headers = request.headers;
  return headers.get("content-type") !== null &&
    headers.get("stream-closed") === null &&
    headers.get("producer-id") === null &&
    headers.get("stream-seq") === null &&
    headers.get("content-length") !== null;
}

/** The path of a URL, without the cost of parsing it. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}
