import { readFileSync } from "node:fs";

const LIMITS = "/proc/self/limits";

/** How many files and sockets this process may have open; `undefined` where the system doesn't say. */
export function openFileLimit(): number | undefined {
  if (!mayLook()) return undefined;
  try {
    return parseOpenFileLimit(readFileSync(LIMITS, "utf8"));
  } catch {
    // Another system than Linux, or a program that may not look.
    return undefined;
  }
}

/** Deno would ask whoever sits at the terminal, and wait. */
function mayLook(): boolean {
  const deno: unknown = Reflect.get(globalThis, "Deno");
  if (!hasPermissions(deno)) return true;
  return deno.permissions.querySync({ name: "read", path: LIMITS }).state === "granted";
}

/** What is used of Deno's global. */
interface WithPermissions {
  readonly permissions: {
    querySync(permission: { name: "read"; path: string }): { readonly state: string };
  };
}

function hasPermissions(value: unknown): value is WithPermissions {
  return typeof value === "object" && value !== null && "permissions" in value;
}

/** Reads the soft limit in what Linux says of a process's limits (proc(5)). */
export function parseOpenFileLimit(limits: string): number | undefined {
  const soft = /^Max open files +(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === "unlimited" ? Infinity : Number(soft);
}
