import { openNatsStorage } from "../../../src/storage/nats/open.ts";
import type { OpenStorage } from "./front_end.ts";

/** The storage under test, with limits so low that all that happens at them happens often. */
export const openStorage: OpenStorage = ({ jetStream, clock, random }) =>
  openNatsStorage({
    jetStream,
    clock,
    random: () => random.next(),
    shards: random.pick([1, 2]),
    snapshotMessages: random.pick([2, 5, 256]),
    maxLoadedStreams: random.pick([1, 3, 100_000]),
    messageCacheBytes: random.pick([1000, 100_000, 64 * 1024 * 1024]),
    forwarding: random.pick(["auto", "always", "always"]),
    groupBytes: random.pick([200, 4096, 256 * 1024]),
  });
