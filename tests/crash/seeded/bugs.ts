import { COUNT_BUGS } from "./count_bugs.ts";
import { ISOLATION_BUGS } from "./isolation_bugs.ts";
import type { SeededBug } from "./seeded_bug.ts";
import { SNAPSHOT_BUGS } from "./snapshot_bugs.ts";
import { SUBSCRIPTION_BUGS } from "./subscription_bugs.ts";

const CHECKPOINT = "file/streams/checkpoint.ts";
const LOG_FILES = "file/wal/files.ts";
const LOG_WRITER = "file/wal/writer.ts";

/** Each as someone might write it. */
export const SEEDED_BUGS: readonly SeededBug[] = [
  {
    name: "a batch isn't synced before it is acknowledged",
    edits: [{
      file: LOG_WRITER,
      from: "      await this.#options.sync.sync(current.file, batch.count);\n",
      to: "",
    }],
  },
  {
    name: "a batch is shown to readers before its sync",
    edits: [{
      file: LOG_WRITER,
      from: "    const current = await this.#fileWithRoom(batch);\n",
      to:
        "    const current = await this.#fileWithRoom(batch);\n    this.#options.onDurable(batch.tags);\n",
    }],
  },
  {
    name: "the log's directory isn't synced after a file has got its name",
    edits: [{
      file: LOG_FILES,
      from: "      isRenamed = true;\n      await this.#fileSystem.syncDirectory(this.#folder);\n",
      to: "      isRenamed = true;\n",
    }],
  },
  {
    name: "a batch's records aren't checked",
    edits: [{
      file: "file/wal/log_walk.ts",
      from: "  return end <= window.sizeBytes && window",
      to: "  return end <= window.sizeBytes || window",
    }],
  },
  {
    name: "checksums have no salt and LSNs aren't looked at",
    edits: [{
      file: "file/wal/format.ts",
      from:
        "  view.setUint32(0, header.salt, true);\n  putU64(view, 4, header.number);\n  return checksum(bytes);",
      to: "  view.setUint32(0, header.salt * 0, true);\n  return checksum(bytes);",
    }, {
      file: "file/wal/log_end.ts",
      from: "part.filePosition === filePosition && part.header.firstLsn === lsn",
      to: "part.filePosition === filePosition",
    }],
  },
  {
    name: "log files are used again before the catalogue says so",
    edits: [{
      file: CHECKPOINT,
      from: "      await segments.sync(isLast);\n",
      to: "      await segments.sync(isLast);\n      await log.release(lsn);\n",
    }],
  },
  {
    name: "rows are stored without their producers",
    edits: [{
      file: CHECKPOINT,
      from: "    producers.push(...snapshot.producers);\n",
      to: "",
    }],
  },
  {
    name: "a stream counts as having a row before the row is stored",
    edits: [{
      file: CHECKPOINT,
      from: "    if (snapshot.stream.hasRow) updates.push(updateOf(snapshot));",
      to:
        "    if (snapshot.stream.hasRow || snapshot.stream.lsn > 1) updates.push(updateOf(snapshot));",
    }],
  },
  {
    name: "the catalogue is stored before the segments are synced",
    edits: [{
      file: CHECKPOINT,
      from: "      await segments.sync(isLast);\n      await this.#store(deletedIds, snapshots);\n",
      to: "      await this.#store(deletedIds, snapshots);\n      await segments.sync(isLast);\n",
    }],
  },
  {
    name: "segments aren't synced",
    edits: [{ file: CHECKPOINT, from: "      await segments.sync(isLast);\n", to: "" }],
  },
  {
    name: "a row may be ahead of the log",
    edits: [{
      file: CHECKPOINT,
      from:
        "      // A row is never ahead of the log.\n      await log.flush();\n      await segments.sync(isLast);\n",
      to: "      await segments.sync(isLast);\n",
    }, {
      file: CHECKPOINT,
      from: "      await log.flush();\n      await catalog.storeState({",
      to: "      await catalog.storeState({",
    }],
  },
  {
    name: "a failed checkpoint forgets what was dirty",
    edits: [{
      file: CHECKPOINT,
      from: "      await segments.sync(isLast);\n",
      to:
        "      cache.markStored(snapshots);\n      cache.endCheckpoint(deletedIds);\n      await segments.sync(isLast);\n",
    }],
  },
  {
    name: "a delete is acknowledged before it is durable",
    edits: [{
      file: "engine.ts",
      from: "    this.#remove(stream);\n    await this.#journal.durable(stream.lsn);\n",
      to: "    this.#remove(stream);\n",
    }],
  },
  {
    name: "a closure is written apart from its data",
    edits: [{
      file: "engine.ts",
      from: "  #append(name: string, request: AppendRequest): Promise<Appended> {\n",
      to: "  async #append(name: string, request: AppendRequest): Promise<Appended> {\n",
    }, {
      file: "engine.ts",
      from: "    else this.#recordAppend(stream, decided, request.trace);\n",
      to: "    else if (decided.close && decided.data.length > 0) {\n" +
        "      this.#recordAppend(stream, { ...decided, close: false }, undefined);\n" +
        "      await this.#journal.durable(stream.lsn);\n" +
        "      const data = decided.data.subarray(0, 0);\n" +
        "      this.#recordAppend(stream, { ...decided, data, start: stream.tail }, undefined);\n" +
        "    } else this.#recordAppend(stream, decided, undefined);\n",
    }],
  },
  {
    name: "what is read back at the start isn't made durable",
    edits: [{
      file: "file/wal/recovery.ts",
      from: "  if (unsyncedFrom === end) return;\n",
      to: "  if (unsyncedFrom <= end) return;\n",
    }],
  },
  {
    name: "ids are given again",
    edits: [{
      file: CHECKPOINT,
      from: "        nextId: cache.nextId,",
      to: "        nextId: catalog.state.nextId,",
    }],
  },
  {
    name: "the directory's name isn't made durable",
    edits: [{
      file: "file/open.ts",
      from: "  await syncAbove(fileSystem, paths.root);\n",
      to: "",
    }],
    test: "a directory just made",
  },
  {
    name: "FORMAT's name isn't made durable by who finds it",
    edits: [{
      file: "file/open.ts",
      from: "    else await fileSystem.syncDirectory(paths.root);\n",
      to: "",
    }],
    test: "a server killed at any call",
  },
  {
    name: "a spare's name isn't made durable by who finds it",
    edits: [{
      file: "file/open.ts",
      from: "    await fileSystem.syncDirectory(paths.log);\n",
      to: "",
    }],
    test: "killed at any call, then",
  },
  {
    name: "uses before a crash are forgotten",
    edits: [{
      file: "file/streams/stream_cache.ts",
      from:
        "    if (this.#loader.keepAlive(stream)) this.markDirty(stream);\n    else this.#idle.add(stream);\n",
      to: "    this.#idle.add(stream);\n",
    }],
    test: "a use ",
  },
  {
    name: "a checkpoint runs after a failure",
    edits: [{
      file: CHECKPOINT,
      from: "    if (log.failure !== undefined) throw log.failure;\n",
      to: "",
    }],
    test: "tries again|try again",
  },
  {
    name: "a log file is left after a failure",
    edits: [{
      file: LOG_WRITER,
      from: "    if (!this.#mustRoll || this.#failure !== undefined) return;\n",
      to: "    if (!this.#mustRoll) return;\n",
    }],
    test: "a failure while a long record",
  },
  {
    name: "what is deleted meanwhile is left out of a checkpoint",
    edits: [{
      file: CHECKPOINT,
      from: "  for (const snapshot of snapshots) {",
      to:
        '  for (const snapshot of snapshots.filter(({ stream }) => stream.lifecycle !== "deleted")) {',
    }, {
      file: CHECKPOINT,
      from: "      await log.flush();\n      await catalog.storeState({",
      to: "      await catalog.storeState({",
    }],
    test: "a stream deleted during a checkpoint",
  },
  {
    name: "a log file that couldn't be removed is forgotten",
    edits: [{
      file: LOG_FILES,
      from: "      const recycled = this.#isWorthRecycling(oldest.sizeBytes)\n",
      to:
        "      this.#live.shift();\n      const recycled = this.#isWorthRecycling(oldest.sizeBytes)\n",
    }, {
      file: LOG_FILES,
      from: "      this.#live.shift();\n      if (recycled !== undefined)",
      to: "      if (recycled !== undefined)",
    }],
    test: "a used log file that stays",
  },
  {
    name: "an index's entries are trusted without checking",
    edits: [{
      file: "file/segments/index_format.ts",
      from: "  return written === checksum(bytes.subarray(at, at + ENTRY_CHECKSUM_AT));\n",
      to: "  return written >= 0;\n",
    }],
    test: "a flipped bit in an index",
    file: "tests/storage/file/segments/segments_test.ts",
  },
  {
    name: "a block is served without a look at its checksum",
    edits: [{
      file: "file/segments/block_check.ts",
      from: "    if (this.#checksum !== this.#entry.checksum) throw this.#damaged();\n",
      to: "",
    }],
    test: "a flipped bit in a segment",
    file: "tests/storage/file/segments/segments_test.ts",
  },
  {
    name: "a log file that a start left empty is begun again where it is",
    edits: [{
      file: LOG_FILES,
      from: "    const recycled = await this.#recycle(newest);\n",
      to: "    const recycled = { path: newest.path, sizeBytes: newest.sizeBytes };\n",
    }],
  },
  {
    name: "an offset of an earlier stream is taken for one of the stream",
    edits: [{
      file: "offset_spaces.ts",
      from: "    from.space !== spaceAt(space, from.position);\n",
      to: "    spaceAt(space, from.position) < 0;\n",
    }],
    test: "offsets of a directory that was wiped",
    file: "tests/storage/offset_spaces_test.ts",
  },
  {
    name: "offsets of a storage that begins anew are the old one's",
    edits: [{
      file: "offset_spaces.ts",
      from: "parseInt(identity.slice(0, SALT_DIGITS), 16);\n",
      to: "SALT_DIGITS;\n",
    }],
    test: "offsets of a directory that was wiped",
    file: "tests/storage/offset_spaces_test.ts",
  },
  {
    name: "a fork's offsets are its source's behind its point too",
    edits: [{
      file: "offset_spaces.ts",
      from: "    return { own: this.#spaceOf(id), point: ownStart, source };\n",
      to: "    return id < 0 ? { own: this.#spaceOf(id), point: ownStart, source } : source;\n",
    }],
    test: "forks of one source have offsets of their own",
    file: "tests/storage/offset_spaces_test.ts",
  },
  {
    name: "a refused fork doesn't wait for its source",
    edits: [{
      file: "engine.ts",
      from: "      await this.#journal.durable(this.#journal.assignedLsn);\n",
      to: "",
    }],
    test: "no refusal is given",
    file: "tests/storage/file/undurable_errors_test.ts",
  },
  {
    name: "a read of a stream that goes doesn't wait for its end",
    edits: [{
      file: "engine.ts",
      from: "    await this.#journal.durable(this.#deleteLsn);\n    throw error;\n",
      to: "    throw error;\n",
    }],
    test: "no refusal is given",
    file: "tests/storage/file/undurable_errors_test.ts",
  },
  ...COUNT_BUGS,
  ...SNAPSHOT_BUGS,
  ...ISOLATION_BUGS,
  ...SUBSCRIPTION_BUGS,
];
