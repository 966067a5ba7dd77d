import { type FlagTable, integerFlag, sizeFlag } from "./flag.ts";

const MIB = 1024 * 1024;

/** The settings of `serve` about how streams are compacted. */
export const compactionFlags = {
  compactionShare: integerFlag({
    name: "compaction-share",
    min: 1,
    max: 100,
    default: 25,
    help: "How many percent of the time a compaction works; it rests for the others.",
  }),
  compactionMemory: sizeFlag({
    name: "compaction-memory",
    min: MIB,
    max: 16 * 1024 * MIB,
    default: 64 * MIB,
    help:
      "What a compaction's table of keys takes at most, 34 bytes a key when it is full. With more " +
      "keys a stream is compacted in several rounds.",
  }),
} satisfies FlagTable;
