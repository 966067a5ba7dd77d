import { readFileSync } from "node:fs";
import process from "node:process";

const STAT = "/proc/self/stat";

/**
 * Whether a terminal controls this process: the end of that terminal ends it then, by SIGHUP. Without one,
 * as under a service manager or in a container, somebody sends the signal on purpose. Where the system
 * doesn't say, it is whether any of the standard streams is a terminal.
 */
export function hasControllingTerminal(): boolean {
  try {
    return isControlled(readFileSync(STAT, "utf8"));
  } catch {
    // Another system than Linux, or a program that may not look.
    const { stdin, stdout, stderr } = process;
    return stdin.isTTY || stdout.isTTY || stderr.isTTY;
  }
}

/** Whether a process has a controlling terminal, by its status on Linux: `tty_nr` of proc(5). */
export function isControlled(stat: string): boolean {
  // The second field is the program's name, which may contain anything.
  const [, , , , , terminal] = stat.slice(stat.lastIndexOf(")")).split(" ");
  return terminal !== undefined && terminal !== "0";
}
