/**
 * A handler without any storage: what the runtime's own HTTP costs, and so what no server on that
 * runtime can beat. `bare.ts STREAM_BYTES`
 */
import process from "node:process";
import {
  appended,
  chunkAnswer,
  created,
  pathOf,
  readAppendHeaders,
  requestedChunk,
} from "./answers.ts";
import { serve } from "./serve.ts";
import { asJsonArray, syntheticChunk } from "./synthetic_stream.ts";

const streamBytes = Number(process.argv[2] ?? 64 * 1024 * 1024);
const contentTypes = new Map<string, string>();
const chunk = syntheticChunk();
const jsonChunk = asJsonArray(chunk);
let tail = 0;

async function append(request: Request): Promise<Response> {
  if (!readAppendHeaders(request)) return new Response(null, { status: 400 });
  const body = await request.arrayBuffer();
  tail += body.byteLength;
  return appended(tail);
}

function read(request: Request): Response {
  const range = requestedChunk(request.url, streamBytes);
  const contentType = contentTypes.get(pathOf(request.url)) ?? "application/octet-stream";
  const whole = contentType === "application/json" ? jsonChunk : chunk;
  const size = range.end - range.start;
  const body = size === whole.byteLength ? whole : whole.subarray(0, size);
  return chunkAnswer(body, contentType, range);
}

serve((request) => {
  if (request.method === "POST") return append(request);
  if (request.method === "GET") return read(request);
  contentTypes.set(pathOf(request.url), request.headers.get("content-type") ?? "");
  return created();
});
