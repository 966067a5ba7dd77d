import { BROKERS } from "./brokers.ts";
import { CLUSTERS } from "./clusters.ts";
import { HANDLERS } from "./handlers.ts";
import { NATIVE } from "./native.ts";
import { OURS } from "./ours.ts";
import type { Peer } from "./peer.ts";
import { PRISMA } from "./prisma.ts";
import { REFERENCE } from "./reference.ts";

/** Every server that the bench can start, in the order of the tables. */
export const PEERS: readonly Peer[] = [
  ...OURS,
  ...HANDLERS,
  ...NATIVE,
  ...REFERENCE,
  ...PRISMA,
  ...BROKERS,
  ...CLUSTERS,
];
