import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds deno.json, with a slash at its end. */
export const REPO = fileURLToPath(new URL("../../", import.meta.url));

/** A path in the repository as the system names it. */
export function inRepo(...parts: string[]): string {
  return join(REPO, ...parts);
}
