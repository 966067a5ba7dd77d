/** Whether a file may be read without Deno asking at the terminal, and waiting. */
export function mayRead(path: string): boolean {
  const deno: unknown = Reflect.get(globalThis, "Deno");
  if (!hasPermissions(deno)) return true;
  return deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** The part of Deno's global that is used. */
interface WithPermissions {
  readonly permissions: {
    querySync(permission: { name: "read"; path: string }): { readonly state: string };
  };
}

function hasPermissions(value: unknown): value is WithPermissions {
  return typeof value === "object" && value !== null && "permissions" in value;
}
