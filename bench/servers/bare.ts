/**
 * A handler without any storage: what the runtime's own HTTP costs, and so what no server behind it can
 * beat. `bare.ts STREAM_BYTES CHUNK_BYTES`
 */
import process from "node:process";
import { makeHandler } from "./handler.ts";
import { serve } from "./serve.ts";
import { asJsonArray, syntheticChunk } from "./synthetic_stream.ts";

const streamBytes = Number(process.argv[2]);
const chunkBytes = Number(process.argv[3]);
const chunk = syntheticChunk(chunkBytes);
const jsonChunk = asJsonArray(chunk);

serve(makeHandler({
  streamBytes,
  chunkBytes,
  chunk(range, json) {
    const whole = json ? jsonChunk : chunk;
    const size = range.end - range.start;
    return size === whole.byteLength ? whole : whole.subarray(0, size);
  },
}));
