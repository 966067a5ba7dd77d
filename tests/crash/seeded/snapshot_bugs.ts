import type { SeededBug } from "./seeded_bug.ts";

const FILES = "file/snapshots/snapshot_files.ts";
const STREAMS = "file/streams/file_snapshots.ts";
const UNIT = "tests/storage/file/snapshots_test.ts";

/** What a crash may do to snapshots. */
export const SNAPSHOT_BUGS: readonly SeededBug[] = [
  {
    name: "a snapshot's body isn't synced before its record",
    edits: [{ file: FILES, from: "      await file.dataSync();\n", to: "" }],
  },
  {
    name: "a start skips the records of snapshots, so that an old one comes back",
    edits: [{
      file: "file/streams/replay.ts",
      from: "    applySnapshot(stream, record, placed.lsn);\n",
      to: "",
    }],
  },
  {
    name: "a body goes as soon as another takes its place",
    edits: [{
      file: STREAMS,
      from: "    this.#obsolete.push({ streamId, number, bytes, lsn });\n",
      to: "    void [bytes, lsn];\n    this.#parts.files.remove(streamId, number);\n",
    }],
    test: "bodies that took the place of others",
    file: UNIT,
  },
  {
    name: "the snapshot of a deleted stream stays on the disk",
    edits: [{
      file: "engine.ts",
      from: "    for (const gone of streams) this.snapshots?.streamRemoved(gone, lsn);\n",
      to: "",
    }],
    test: "bodies that took the place of others",
    file: UNIT,
  },
];
