import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";

const FILE_BYTES = 16 * 2 ** 20;
const WRITE_BYTES = 512;
const ROUNDS = 400;
const LIMIT_MILLIS = 5_000;

/** What a write and its sync take on this disk. */
export interface SyncCost {
  readonly bytes: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

/**
 * A loop of write + fdatasync in a file that was written with zeros once: nothing that syncs each append
 * by itself can be faster on one connection.
 */
export function probeSync(directory: string): SyncCost {
  const file = openSync(`${directory}/sync-probe`, "w+");
  try {
    const zeros = new Uint8Array(2 ** 20);
    for (let at = 0; at < FILE_BYTES; at += zeros.length) {
      writeSync(file, zeros, 0, zeros.length, at);
    }
    fdatasyncSync(file);
    const bytes = new Uint8Array(WRITE_BYTES).fill(1);
    const micros: number[] = [];
    const begun = performance.now();
    while (micros.length < ROUNDS && performance.now() - begun < LIMIT_MILLIS) {
      const start = performance.now();
      writeSync(file, bytes, 0, bytes.length, micros.length * WRITE_BYTES);
      fdatasyncSync(file);
      micros.push((performance.now() - start) * 1000);
    }
    micros.sort((a, b) => a - b);
    const at = (share: number) => micros[Math.floor(micros.length * share)] ?? NaN;
    return { bytes: WRITE_BYTES, p50Micros: at(0.5), p99Micros: at(0.99) };
  } finally {
    closeSync(file);
  }
}
