import type { SeededBug } from "./seeded_bug.ts";

const BUGS: readonly Pick<SeededBug, "name" | "edits">[] = [
  {
    name: "what is trimmed goes before the trim is on disk",
    edits: [{
      file: "updates.ts",
      from: "    streams.markDirty(stream);\n    observer().trimmed",
      to:
        "    show();\n    stream.buffer.drop();\n    streams.markDirty(stream);\n    observer().trimmed",
    }],
  },
  {
    name: "a source lets go of what a fork can read",
    edits: [{
      file: "file/streams/stream_cache.ts",
      from: "      for (const id of this.#forks.idsOf(reader.id)) {\n        const fork",
      to: "      for (const id of this.#forks.idsOf(-1)) {\n        const fork",
    }],
  },
  {
    name: "a checkpoint forgets where a stream begins",
    edits: [{
      file: "file/streams/file_stream.ts",
      from: "    earliest: state.earliest,\n",
      to: "    earliest: 0,\n",
    }],
  },
  {
    name: "a start doesn't apply the trims of the log",
    edits: [{
      file: "file/streams/replay.ts",
      from: "    else applyTrim(stream, record);\n",
      to: "",
    }],
  },
  {
    name: "segments go that are read yet",
    edits: [{
      file: "file/streams/release_trimmed.ts",
      from: "({ end }) => end <= first)",
      to: "({ base }) => base < first)",
    }],
  },
];

const PURGES = "nats/retention/purges.ts";

const NATS_RETENTION: readonly Pick<SeededBug, "name" | "edits">[] = [
  {
    name: "messages are removed before anything says that they may be",
    edits: [{
      file: PURGES,
      from: "      if (!(await snapshots.storeBeforePurge(stream, upTo))) return 0;\n",
      to: "",
    }],
  },
  {
    name: "one message too many is removed",
    edits: [{
      file: PURGES,
      from: "    return first.sequence - 1;",
      to: "    return first.sequence;",
    }],
  },
  {
    name: "messages are removed that a fork can read",
    edits: [{
      file: PURGES,
      from: "  for (const fork of forks.values()) from = Math.min(from, fork.from);\n",
      to: "",
    }],
  },
  {
    name: "a snapshot in the cluster forgets where its stream begins",
    edits: [{
      file: "nats/streams/nats_stream.ts",
      from: "    return { earliest, messages:",
      to: "    return { earliest: 0, messages:",
    }],
  },
];

/** Bugs of what is trimmed, which its histories find. */
export const RETENTION_BUGS: readonly SeededBug[] = [
  ...BUGS.map((bug) => ({
    ...bug,
    test: "nothing is lost of a stream",
    file: "tests/crash/retention/history_test.ts",
  })),
  ...NATS_RETENTION.map((bug) => ({
    ...bug,
    test: "in a cluster nothing is lost of a stream that is trimmed",
    file: "tests/crash/nats/retention_history_test.ts",
  })),
];
