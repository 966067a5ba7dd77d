/** The first Node whose SQLite opens a database by a URL, so that a missing one isn't created. */
const NEEDED = [22, 15] as const;

/** The first Node that has all that is needed, as in `22.15`. */
export const NEEDED_NODE = NEEDED.join(".");

/**
 * The version of the Node that this runs on where that is too old for a storage on disk and for the
 * program; `undefined` where it isn't, and on Bun and Deno, which say of which Node they are like.
 *
 * @param versions `process.versions`
 */
export function oldNode(
  versions: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { node = "", bun, deno } = versions;
  if (bun !== undefined || deno !== undefined) return undefined;
  const [major = 0, minor = 0] = node.split(".").map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]) ? undefined : node;
}
