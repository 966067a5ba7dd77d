import type { SeededBug } from "./seeded_bug.ts";

const BUGS: readonly Pick<SeededBug, "name" | "edits">[] = [
  {
    name: "a small stream's rows go, and the segment's row isn't stored with that",
    edits: [{
      file: "file/streams/checkpoint.ts",
      from: "    segments.push(...snapshot.segments);\n",
      to: "    if (snapshot.goneBlocksBefore === 0) segments.push(...snapshot.segments);\n",
    }],
  },
  {
    name: "a small stream's row has the bytes that its rows of blocks have, too",
    edits: [{
      file: "file/streams/file_stream.ts",
      from: "    restStart: last?.end ?? buffer.start,\n",
      to: "    restStart: buffer.start,\n",
    }],
  },
  {
    name: "a trim takes one row of a block too many",
    edits: [{
      file: "file/streams/release_trimmed.ts",
      from: "stream.dropRowBlocks(Math.min(first, rowBlocks.end));",
      to: "stream.dropRowBlocks(rowBlocks.countedBlockAt(first).end);",
    }],
  },
  {
    name: "a stream that has grown begins its segment without what is in rows",
    edits: [{
      file: "file/segments/writer.ts",
      from: "    this.#moveRows(stream);\n",
      to: "    if (stream.rowBlocks !== undefined) stream.dropRowBlocks(stream.rowBlocks.end);\n",
    }],
  },
  {
    name: "a small stream's blocks leave memory, and aren't stored",
    edits: [{
      file: "file/streams/checkpoint.ts",
      from: "    blocks.push(...blockRowsOf(snapshot));\n",
      to: "",
    }],
  },
  {
    name: "blocks leave memory with what was appended while they were stored",
    edits: [{
      file: "file/streams/file_stream.ts",
      from: "    this.buffer.dropBefore(end);\n",
      to: "    this.buffer.dropBefore(this.buffer.openBlockStart);\n",
    }],
  },
];

/** Bugs of streams that are too small for files of their own, which the histories of trims find. */
export const SMALL_STREAM_BUGS: readonly SeededBug[] = BUGS.map((bug) => ({
  ...bug,
  test: "nothing is lost of a stream",
  file: "tests/crash/retention/history_test.ts",
}));
