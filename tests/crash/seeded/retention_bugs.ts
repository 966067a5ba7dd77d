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

/** Bugs of what is trimmed, which its histories find. */
export const RETENTION_BUGS: readonly SeededBug[] = BUGS.map((bug) => ({
  ...bug,
  test: "nothing is lost of a stream",
  file: "tests/crash/retention/history_test.ts",
}));
