import os from "node:os";
import process from "node:process";

/** Of a core that another thread wants as well, one of this priority gets a quarter. */
const GIVES_WAY = 5;

/**
 * Lets the process's other threads go before this one. Does nothing where that can't be said of one
 * thread, or isn't allowed.
 */
export function giveWay(): void {
  // Elsewhere the call is about the whole process.
  if (process.platform !== "linux" || !mayPrioritize()) return;
  // It may be lower already, with the whole process.
  os.setPriority(0, Math.max(os.getPriority(0), GIVES_WAY));
}

/** Deno would ask the user. */
function mayPrioritize(): boolean {
  if (typeof Deno === "undefined") return true;
  return (["getPriority", "setPriority"] as const).every((kind) =>
    Deno.permissions.querySync({ name: "sys", kind }).state === "granted"
  );
}
