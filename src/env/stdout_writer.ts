import { write } from "node:fs";
import { setTimeout } from "node:timers";
import type { Bytes } from "../protocol/bytes.ts";

const STDOUT = 1;
/** How long to wait for who reads a full pipe that doesn't wait by itself. */
const FULL_PIPE_MS = 20;

/** What of Deno is used: its `node:fs` writes on the main thread. */
interface DenoOutput {
  readonly stdout: { write(bytes: Bytes): Promise<number> };
}

/**
 * Writes to stdout off the main thread, so that signals are heard and timers run while a pipe is full: the
 * write of a runtime's own stream blocks there on Deno and Node. Resolves when all is written; what
 * goes through `process.stdout` meanwhile may come in between.
 */
export async function writeStdoutAside(bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await writeSome(bytes.subarray(done));
}

function writeSome(bytes: Bytes): Promise<number> {
  const deno: unknown = Reflect.get(globalThis, "Deno");
  if (isDenoOutput(deno)) return deno.stdout.write(bytes);
  return new Promise((resolve, reject) => {
    write(STDOUT, bytes, 0, bytes.length, null, (error, count) => {
      if (error === null) resolve(count);
      else if (error.code === "EAGAIN") setTimeout(() => resolve(0), FULL_PIPE_MS);
      else reject(error);
    });
  });
}

function isDenoOutput(value: unknown): value is DenoOutput {
  return typeof value === "object" && value !== null && "stdout" in value;
}
