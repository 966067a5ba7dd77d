import { readdirSync, readFileSync } from "node:fs";

// What Linux reports in /proc is in USER_HZ, which is 100 on every platform that Deno and Bun run on.
const MICROS_PER_TICK = 10_000;

/**
 * CPU time a process has used so far in user and kernel mode, all its threads together.
 *
 * @returns Microseconds, undefined where there is no /proc or no such process.
 */
export function processCpuMicros(pid: number): number | undefined {
  const stat = read(pid, "stat");
  if (stat === undefined) return undefined;
  // The name, in brackets, may hold spaces: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
}

/** Bytes that were fetched from the disk for a process so far: what the page cache lacked. */
export function processFetchedBytes(pid: number): number | undefined {
  return numberAfter(read(pid, "io"), /^read_bytes: (\d+)/m);
}

/** The memory of a process: its pages, those it shares divided by who shares them (PSS). */
export function processMemoryBytes(pid: number): number | undefined {
  const kib = numberAfter(read(pid, "smaps_rollup"), /^Pss:\s+(\d+) kB/m) ??
    numberAfter(read(pid, "status"), /^VmRSS:\s+(\d+) kB/m);
  return kib === undefined ? undefined : kib * 1024;
}

/** How many files and sockets a process has open. */
export function processOpenFiles(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return undefined;
  }
}

function numberAfter(text: string | undefined, pattern: RegExp): number | undefined {
  const digits = text === undefined ? undefined : pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
