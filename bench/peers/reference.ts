import { benchPath, type Peer } from "./peer.ts";

const STARTER = benchPath("servers/reference.mjs");

/** The protocol's reference server on Node, in memory and on files. */
export const REFERENCE: readonly Peer[] = [
  {
    name: "reference-memory",
    ceiling: "ceiling-bun",
    needsPackages: true,
    command: () => ["node", STARTER],
  },
  {
    name: "reference-file",
    ceiling: "ceiling-bun",
    needsPackages: true,
    command: (_context, directory) => ["node", STARTER, directory],
  },
];
