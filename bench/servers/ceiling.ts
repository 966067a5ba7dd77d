/**
 * The durable ceiling: the bare handler plus one write and fdatasync for every batch of waiting
 * requests. `ceiling.ts DIRECTORY STREAM_BYTES`
 */
import { Buffer } from "node:buffer";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import process from "node:process";
import {
  appended,
  chunkAnswer,
  type ChunkRange,
  created,
  pathOf,
  readAppendHeaders,
  requestedChunk,
} from "./answers.ts";
import { BatchLog } from "./batch_log.ts";
import { bun } from "./runtime.ts";
import { serve } from "./serve.ts";
import { CHUNK_BYTES, syntheticChunk } from "./synthetic_stream.ts";

const directory = process.argv[2] ?? ".";
const streamBytes = Number(process.argv[3] ?? 64 * 1024 * 1024);
const contentTypes = new Map<string, string>();
const log = new BatchLog(`${directory}/log`, 64 * 1024 * 1024);
const streamPath = `${directory}/stream`;
writeStream();
const stream = openSync(streamPath, "r");
const runtime = bun();
let tail = 0;

function writeStream(): void {
  const chunk = syntheticChunk();
  const descriptor = openSync(streamPath, "w");
  for (let at = 0; at < streamBytes; at += CHUNK_BYTES) {
    writeSync(descriptor, chunk, 0, Math.min(CHUNK_BYTES, streamBytes - at), at);
  }
  closeSync(descriptor);
}

async function append(request: Request): Promise<Response> {
  if (!readAppendHeaders(request)) return new Response(null, { status: 400 });
  const body = new Uint8Array(await request.arrayBuffer());
  tail += body.byteLength;
  const nextOffset = tail;
  return new Promise((resolve) => log.add(body, () => resolve(appended(nextOffset))));
}

// The file was written a moment ago: its bytes are in the page cache, where a blocking read into a
// buffer that nobody filled with zeros is the cheapest.
function read(request: Request): Response {
  const range = requestedChunk(request.url, streamBytes);
  const contentType = contentTypes.get(pathOf(request.url)) ?? "application/octet-stream";
  if (contentType === "application/json") return chunkAnswer(jsonArray(range), contentType, range);
  if (runtime !== undefined) {
    const slice = runtime.file(streamPath).slice(range.start, range.end);
    return chunkAnswer(slice, contentType, range);
  }
  const body = Buffer.allocUnsafeSlow(range.end - range.start);
  readSync(stream, body, 0, body.byteLength, range.start);
  return chunkAnswer(body, contentType, range);
}

function jsonArray(range: ChunkRange): Buffer<ArrayBuffer> {
  const messageBytes = range.end - range.start - ",\n".length;
  const array = Buffer.allocUnsafeSlow(messageBytes + "[]".length);
  array[0] = 0x5b;
  readSync(stream, array, 1, messageBytes, range.start);
  array[array.byteLength - 1] = 0x5d;
  return array;
}

serve((request) => {
  if (request.method === "POST") return append(request);
  if (request.method === "GET") return read(request);
  contentTypes.set(pathOf(request.url), request.headers.get("content-type") ?? "");
  return created();
});
