import { benchPath, type Peer } from "./peer.ts";

const STARTER = benchPath("servers/prisma.mjs");

/** Prisma's server of the protocol, in TypeScript on Bun, over SQLite. */
export const PRISMA: readonly Peer[] = [
  {
    name: "prisma",
    ceiling: "ceiling-bun",
    byDefault: false,
    protocol: "http",
    needsPackages: true,
    prefix: "/v1/stream",
    command: (context, directory) => [context.bun, STARTER, directory, String(context.port)],
  },
];
