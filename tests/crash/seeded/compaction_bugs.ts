import type { SeededBug } from "./seeded_bug.ts";

const BUGS: readonly Pick<SeededBug, "name" | "edits">[] = [
  {
    name: "a compaction drops a newest value",
    edits: [{
      file: "file/compaction/survivors.ts",
      from: "    if (position < known) {\n",
      to: "    if (position <= known) {\n",
    }],
  },
  {
    name: "a compaction's old files go before its record is on disk",
    edits: [{
      file: "file/compaction/compactor.ts",
      from: 'import { Pacer } from "./pacer.ts";\n',
      to: 'import { Pacer } from "./pacer.ts";\n' +
        'import { segmentPaths } from "../directory/paths.ts";\n',
    }, {
      file: "file/compaction/compactor.ts",
      from: "    cache.markDirty(stream);\n",
      to: "    cache.markDirty(stream);\n" +
        "    for (const { base, generation } of old) {\n" +
        "      const paths = segmentPaths(this.#parts.folder, id, base, generation);\n" +
        "      for (const path of Object.values(paths)) this.#parts.fileSystem.remove(path);\n" +
        "    }\n",
    }],
  },
  {
    name: "a place in a gap is taken for one that is damaged",
    edits: [{
      file: "file/segments/block_run.ts",
      from: '    return Math.min(end, Math.max(page.field(index, "filePosition"), found));\n',
      to: "    return found;\n",
    }],
  },
  {
    name: "a compaction is recorded before its files are on disk",
    edits: [{
      file: "file/compaction/segment_builder.ts",
      from: "    await this.#file.dataSync();\n",
      to: "",
    }],
  },
  {
    name: "what a fork reads is compacted",
    edits: [{
      file: "file/compaction/compactor.ts",
      from: "    if (stream.forkCount === 0) return 0;\n",
      to: "    if (stream.forkCount >= 0) return 0;\n",
    }],
  },
  {
    name: "the rows of segments stay whose place another took",
    edits: [{
      file: "file/streams/checkpoint.ts",
      from: "    deletedSegments.push(...snapshot.replacedSegments);\n",
      to: "    deletedSegments.push(...snapshot.replacedSegments.slice(0, 1));\n",
    }],
  },
];

/** Bugs of compaction, which its histories find. */
export const COMPACTION_BUGS: readonly SeededBug[] = BUGS.map((bug) => ({
  ...bug,
  test: "no newest value is missing",
  file: "tests/crash/compaction/history_test.ts",
}));
