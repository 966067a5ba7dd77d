import { benchPath, type Peer } from "./peer.ts";

const STARTER = benchPath("servers/reference.mjs");

/** The protocol's reference server on Node, in memory and on files. */
export const REFERENCE: readonly Peer[] = [reference("memory"), reference("file")];

function reference(storage: "memory" | "file"): Peer {
  return {
    name: `reference-${storage}`,
    ceiling: "ceiling-bun",
    byDefault: storage === "memory",
    protocol: "http",
    forgets: storage === "memory",
    needsPackages: true,
    hasWebhooks: true,
    command: (_context, directory) => [
      "node",
      STARTER,
      ...(storage === "file" ? [directory] : []),
    ],
  };
}
