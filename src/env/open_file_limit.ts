import { readFileSync } from "node:fs";
import { mayRead } from "./read_permission.ts";

const LIMITS = "/proc/self/limits";

/** How many files and sockets this process may have open; `undefined` where the system doesn't say. */
export function openFileLimit(): number | undefined {
  if (!mayRead(LIMITS)) return undefined;
  try {
    return parseOpenFileLimit(readFileSync(LIMITS, "utf8"));
  } catch {
    // Another system than Linux, or a program that may not look.
    return undefined;
  }
}

/** The soft limit in a process's limits file on Linux (proc(5)). */
export function parseOpenFileLimit(limits: string): number | undefined {
  const soft = /^Max open files +(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === "unlimited" ? Infinity : Number(soft);
}
