import {
  appended,
  type ChunkRange,
  chunkResponse,
  created,
  pathOf,
  readAppendHeaders,
  requestedChunk,
} from "./responses.ts";
import { FanOut } from "./fan_out.ts";
import { SignedPosts } from "./signed_posts.ts";
import type { Handler } from "./serve.ts";

/** What tells the handlers without an engine apart. */
export interface HandlerParts {
  /** Calls back when the bytes are as durable as they will get; at once where undefined. */
  readonly persist?: (body: Uint8Array<ArrayBuffer>, done: () => void, url: string) => void;
  /** The bytes of a chunk of the synthetic stream, as a JSON array or as they are. */
  readonly chunk: (range: ChunkRange, json: boolean) => BodyInit;
  readonly streamBytes: number;
  readonly chunkBytes: number;
}

/**
 * A handler that reads and answers what a server of the protocol does, without its engine: no look-up,
 * no check, no memory of what was written but for those who wait for it.
 */
export function makeHandler(parts: HandlerParts): Handler {
  const contentTypes = new Map<string, string>();
  const fanOut = new FanOut();
  const posts = new SignedPosts();
  let tail = 0;

  async function append(request: Request): Promise<Response> {
    const seen = readAppendHeaders(request);
    if (seen === undefined) return new Response(null, { status: 400 });
    const body = new Uint8Array(await request.arrayBuffer());
    tail += body.byteLength;
    const nextOffset = tail;
    const finish = () => {
      fanOut.push(request.url, body);
      posts.send(request.url);
      return appended(nextOffset, seen);
    };
    const { persist } = parts;
    if (persist === undefined) return finish();
    return new Promise((resolve) => persist(body, () => resolve(finish()), request.url));
  }

  function read({ url }: Request): Response | Promise<Response> {
    if (url.endsWith("live=sse")) return fanOut.open(url);
    if (url.endsWith("live=long-poll")) return fanOut.poll(url);
    const range = requestedChunk(url, parts.streamBytes, parts.chunkBytes);
    const contentType = contentTypes.get(pathOf(url)) ?? "application/octet-stream";
    return chunkResponse(
      parts.chunk(range, contentType === "application/json"),
      contentType,
      range,
    );
  }

  return (request) => {
    if (request.method === "POST") return append(request);
    if (request.method === "GET") return read(request);
    if (SignedPosts.isSubscription(request)) return posts.register(request);
    const contentType = request.headers.get("content-type") ?? "";
    if (contentType === "application/json") contentTypes.set(pathOf(request.url), contentType);
    return created(request);
  };
}
