import { readFileSync } from "node:fs";

// What Linux reports in /proc is in USER_HZ, which is 100 on every platform that Deno and Bun run on.
const MICROS_PER_TICK = 10_000;

/**
 * CPU time a process has used so far in user and kernel mode, all its threads together.
 *
 * @returns Microseconds, undefined where there is no /proc or no such process.
 */
export function processCpuMicros(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The name, in brackets, may hold spaces: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
}
