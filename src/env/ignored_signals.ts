import { readFileSync } from "node:fs";

const STATUS = "/proc/self/status";
const SIGHUP = 1;

/** Read as the program is loaded: once it writes to a terminal, Deno handles SIGHUP itself. */
const ignoredAtStart = readIgnored();

/**
 * Whether this process was started to outlive its terminal, as by `nohup`: listening to SIGHUP would end
 * that. `false` where the system doesn't say.
 */
export function ignoresHangUp(): boolean {
  return ignoredAtStart;
}

function readIgnored(): boolean {
  try {
    return isIgnored(readFileSync(STATUS, "utf8"), SIGHUP);
  } catch {
    // Another system than Linux, or a program that may not look.
    return false;
  }
}

/** Whether a process ignores the signal, by its status file on Linux (proc(5)). */
export function isIgnored(status: string, signal: number): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) >> BigInt(signal - 1) & 1n) === 1n;
}
