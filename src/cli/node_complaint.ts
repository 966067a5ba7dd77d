/** The first Node with all that the program needs: before it, SQLite takes a flag. */
const NEEDED = [22, 13] as const;

/**
 * Why this program can't run on the Node that it was started with, and how it can without installing
 * anything; `undefined` where it can.
 *
 * @param versions what `process.versions` says; on Bun and Deno it has their version, too
 */
export function nodeComplaint(versions: Readonly<Record<string, string | undefined>>):
  | string
  | undefined {
  const { node = "", bun, deno } = versions;
  if (bun !== undefined || deno !== undefined) return undefined;
  const [major = 0, minor = 0] = node.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return undefined;
  return `durable-streams: this is Node ${node}, and the program needs ${
    NEEDED.join(".")
  } or later ` +
    "(its client library runs on Node 20). To run it without installing another Node:\n" +
    "  npx -y -p node@22 -p durable-streams durable-streams";
}
