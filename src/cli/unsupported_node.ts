import { NEEDED_NODE, oldNode } from "../env/node_version.ts";

/**
 * A message that this program can't run on this Node, and how it can without installing another;
 * `undefined` if it can.
 *
 * @param versions `process.versions`
 */
export function unsupportedNodeMessage(
  versions: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const node = oldNode(versions);
  if (node === undefined) return undefined;
  return `durable-streams: this is Node ${node}, and the program needs ${NEEDED_NODE} or later (its ` +
    "client library runs on Node 20). To run it without installing another Node:\n" +
    "  npx -y -p node@22 -p durable-streams durable-streams";
}
