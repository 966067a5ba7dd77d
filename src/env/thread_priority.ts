import os from "node:os";
import process from "node:process";

/** Of a core that another thread wants as well, one of this priority gets a quarter. */
const LOW_PRIORITY = 5;

/** The part of Deno's global that is used here. */
interface DenoPermissions {
  querySync(permission: { name: "sys"; kind: string }): { state: string };
}

/**
 * Gives this thread a lower priority than the process's others have. Does nothing where one thread can't
 * have its own, or where it isn't allowed.
 */
export function lowerPriority(): void {
  // Elsewhere the call concerns the whole process.
  if (process.platform !== "linux" || !mayPrioritize()) return;
  // It may be lower already, with the whole process.
  os.setPriority(0, Math.max(os.getPriority(0), LOW_PRIORITY));
}

/** Deno would ask the user. */
function mayPrioritize(): boolean {
  const deno: unknown = Reflect.get(globalThis, "Deno");
  if (!hasPermissions(deno)) return true;
  return ["getPriority", "setPriority"].every((kind) =>
    deno.permissions.querySync({ name: "sys", kind }).state === "granted"
  );
}

function hasPermissions(value: unknown): value is { permissions: DenoPermissions } {
  return typeof value === "object" && value !== null && "permissions" in value;
}
