/**
 * The durable ceiling: the bare handler plus one write and fdatasync for every batch of waiting
 * requests. `ceiling.ts DIRECTORY STREAM_BYTES CHUNK_BYTES`
 */
import { Buffer } from "node:buffer";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import process from "node:process";
import type { ChunkRange } from "./responses.ts";
import { BatchLog } from "./batch_log.ts";
import { makeHandler } from "./handler.ts";
import { bun } from "../system/bun.ts";
import { serve } from "./serve.ts";
import { syntheticChunk } from "./synthetic_stream.ts";

// Below this a blocking read costs less than Bun's way to sendfile.
const SENDFILE_MIN_BYTES = 256 * 1024;

const directory = process.argv[2] ?? ".";
const streamBytes = Number(process.argv[3]);
const chunkBytes = Number(process.argv[4]);
const log = new BatchLog(`${directory}/log`, 64 * 1024 * 1024);
const streamPath = `${directory}/stream`;
writeStream();
const stream = openSync(streamPath, "r");
const runtime = bun();

function writeStream(): void {
  const chunk = syntheticChunk(chunkBytes);
  const descriptor = openSync(streamPath, "w");
  for (let at = 0; at < streamBytes; at += chunkBytes) {
    writeSync(descriptor, chunk, 0, Math.min(chunkBytes, streamBytes - at), at);
  }
  closeSync(descriptor);
}

// The file was written a moment ago: its bytes are in the page cache, where a blocking read into a
// buffer that nobody filled with zeros is the cheapest.
function readChunk(range: ChunkRange, json: boolean): BodyInit {
  if (json) return jsonArray(range);
  if (runtime !== undefined && chunkBytes >= SENDFILE_MIN_BYTES) {
    return runtime.file(streamPath).slice(range.start, range.end);
  }
  const body = Buffer.allocUnsafeSlow(range.end - range.start);
  readSync(stream, body, 0, body.byteLength, range.start);
  return body;
}

function jsonArray(range: ChunkRange): Buffer<ArrayBuffer> {
  const messageBytes = range.end - range.start - ",\n".length;
  const array = Buffer.allocUnsafeSlow(messageBytes + "[]".length);
  array[0] = 0x5b;
  readSync(stream, array, 1, messageBytes, range.start);
  array[array.byteLength - 1] = 0x5d;
  return array;
}

serve(makeHandler({
  persist: (body, done) => log.add(body, done),
  chunk: readChunk,
  streamBytes,
  chunkBytes,
}));
