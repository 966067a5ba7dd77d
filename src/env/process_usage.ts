import { readdirSync } from "node:fs";
import process from "node:process";
import { openFileLimit } from "./open_file_limit.ts";
import { mayRead } from "./read_permission.ts";

const OPEN_FILES = "/proc/self/fd";

/** What this process takes of the machine. */
export interface ProcessUsage {
  readonly residentBytes: number;
  /** Of this thread. */
  readonly heapUsedBytes: number;
  readonly cpuSeconds: number;
  /** `undefined` where the system doesn't say. */
  readonly openFiles: number | undefined;
  /** `undefined` where the system doesn't say. */
  readonly maxOpenFiles: number | undefined;
}

/** What this process takes now: some system calls, for a scrape and no hot path. */
export function processUsage(): ProcessUsage {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    cpuSeconds: (user + system) / 1_000_000,
    openFiles: openFiles(),
    maxOpenFiles: openFileLimit(),
  };
}

function openFiles(): number | undefined {
  if (!mayRead(OPEN_FILES)) return undefined;
  try {
    // One of them is the look itself.
    return readdirSync(OPEN_FILES).length - 1;
  } catch {
    return undefined;
  }
}
