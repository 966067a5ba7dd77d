import type { SeededBug } from "./seeded_bug.ts";

const BACKUP = "file/backup/backup.ts";

const BUGS: readonly Pick<SeededBug, "name" | "edits">[] = [
  {
    name: "a backup misses the log's newest batch",
    edits: [{
      file: "file/backup/log_tail.ts",
      from: "    if (end.proof === undefined) return end;\n",
      to: "    if (end.proof === undefined) return last ?? end;\n",
    }, {
      file: "file/backup/log_tail.ts",
      from: "    const end = walkFrom(fileSystem, found, at);\n",
      to: "    let last: BatchPosition | undefined;\n" +
        "    const end = walkFrom(fileSystem, found, at, (part) => last = part);\n",
    }, {
      file: "file/backup/log_tail.ts",
      from: "  from: BatchPosition,\n): LogEnd {\n",
      to:
        "  from: BatchPosition,\n  onBatch: (part: BatchPosition) => void = () => {},\n): LogEnd {\n",
    }, {
      file: "file/backup/log_tail.ts",
      from: "      if (done) return value;\n",
      to: "      if (done) return value;\n" +
        "      onBatch({ filePosition: value.filePosition, lsn: value.header.firstLsn });\n",
    }],
  },
  {
    name: "a backup's rows are newer than its log",
    edits: [{
      file: BACKUP,
      from:
        "    const log = await copyLog(source, staging, throttle).finally(() => pin.release());\n" +
        "    await copyCatalog(snapshot, { fileSystem, target, throttle });\n",
      to:
        "    const log = await copyLog(source, staging, throttle).finally(() => pin.release());\n" +
        "    for (let turns = 0; turns < 300; turns++) await throttle.spend(0);\n" +
        "    const later = database.snapshot(paths.catalog, target);\n" +
        "    await copyCatalog(later, { fileSystem, target, throttle });\n",
    }, {
      file: BACKUP,
      from: "  if (ahead === undefined) return catalog;\n",
      to: "  if (ahead === undefined || ahead > 0) return catalog;\n",
    }],
  },
  {
    name: "a backup takes a segment as it is by now, and not as its row has it",
    edits: [{
      file: "file/backup/segment_copy.ts",
      from: "  for await (const chunk of chunksOf(log, 0, row.bytes)) {\n",
      to: "  for await (const chunk of chunksOf(log, 0, log.size())) {\n",
    }],
  },
  {
    name: "a backup misses a snapshot that only the log has",
    edits: [{
      file: "file/backup/snapshot_copy.ts",
      from: "      else found.set(id, { ...snapshot, streamId: id });\n",
      to: "      else if (!found.has(id)) found.set(id, { ...snapshot, streamId: id });\n",
    }],
  },
  {
    name: "the files of deleted streams go while a backup needs them",
    edits: [{
      file: "file/streams/checkpoint.ts",
      from: '    const isHeld = hasObsolete && pins.isHeld("segments");\n',
      to: "    const isHeld = false;\n",
    }],
  },
  {
    name: "a backup takes over what an earlier one has of a segment by its name",
    edits: [{
      file: "file/backup/segment_copy.ts",
      from:
        "  if (found?.length !== index.length || !found.every((byte, i) => byte === index[i])) return false;\n",
      to: "  if (found === undefined) return false;\n",
    }, {
      file: "file/backup/segment_copy.ts",
      from: '    if (log.size() !== row.bytes) return "another length";\n',
      to: "",
    }],
  },
  {
    name: "a restore doesn't check",
    edits: [{
      file: "file/backup/restore.ts",
      from: "  const problems = await checkBackup(backup, manifest, throttle);\n",
      to: "  const problems: string[] = [];\n",
    }],
  },
];

/** Bugs of backups, which their histories find. */
export const BACKUP_BUGS: readonly SeededBug[] = BUGS.map((bug) => ({
  ...bug,
  test: "a backup that was taken while clients write",
  file: "tests/crash/backups/history_test.ts",
}));
