import type { SeededBug } from "./seeded_bug.ts";

const CHECKPOINT = "file/streams/checkpoint.ts";
const LOG_WRITER = "file/wal/writer.ts";
const REPLAY = "file/streams/replay.ts";
const SEGMENT_WRITER = "file/segments/writer.ts";
const STREAM_TABLE = "file/streams/stream_cache.ts";

/** Twice in a replay: what comes behind it says which. */
const NOT_DAMAGE = "      if (!isDamage(error)) throw error;\n";

/** What one stream, one look-up or one shortage may do to others, or to what is in the log. */
export const ISOLATION_BUGS: readonly SeededBug[] = [
  {
    name: "an error at a look-up of a replay is taken for damage",
    edits: [{
      file: REPLAY,
      from: NOT_DAMAGE + "      this.#parts.damaged.add(",
      to: "      if (!(error instanceof Error)) throw error;\n      this.#parts.damaged.add(",
    }],
    test: "a look-up that fails at a start",
  },
  {
    name: "a damaged row stops the start",
    edits: [{
      file: REPLAY,
      from: NOT_DAMAGE + "      this.#parts.damaged.add(",
      to: "      if (error instanceof Error) throw error;\n      this.#parts.damaged.add(",
    }],
  },
  {
    name: "rows ahead of the log aren't looked at",
    edits: [{
      file: "file/wal/recovery.ts",
      from: "lsnBehind(lastLsn) ?? 0",
      to: "0",
    }],
  },
  {
    name: "a stream in memory is loaded once more from its row",
    edits: [{
      file: STREAM_TABLE,
      from: "this.#byId.get(row.id) ?? this.#fromRow(row)",
      to: "this.#fromRow(row)",
    }],
    test: "a name made again",
  },
  {
    name: "a missing segment ends all writing",
    edits: [{
      file: SEGMENT_WRITER,
      from:
        '  return isDamage(error) || error instanceof FileSystemError && error.kind === "not_found";\n',
      to: "  return isDamage(error);\n",
    }],
  },
  {
    name: "a segment that is too short ends all writing",
    edits: [{
      file: SEGMENT_WRITER,
      from:
        '  return isDamage(error) || error instanceof FileSystemError && error.kind === "not_found";\n',
      to: '  return error instanceof FileSystemError && error.kind === "not_found";\n',
    }],
  },
  {
    name: "an open that fails in a checkpoint ends all writing",
    edits: [{
      file: CHECKPOINT,
      from: "      if (isShortage(error)) this.#retryLater(error);\n",
      to: "      if (isNoSpace(error)) this.#retryLater(error);\n",
    }],
  },
  {
    name: "a look-up that fails in a checkpoint ends all writing",
    edits: [{
      file: CHECKPOINT,
      from: "      if (!isLookUpFailure(error)) throw error;\n      logger.warn(\n",
      to: "      if (isLookUpFailure(error)) throw error;\n      logger.warn(\n",
    }],
    test: "a look-up that fails in a checkpoint",
  },
  {
    name: "an expiry that fails forgets those behind it",
    edits: [{
      file: "file/streams/expiry.ts",
      from: "      if (!isLookUpFailure(error)) throw error;\n",
      to: "      if (!isDamage(error)) throw error;\n",
    }],
    test: "a look-up that fails while streams expire",
  },
  {
    name: "files that couldn't be opened for their sync are forgotten",
    edits: [{
      file: SEGMENT_WRITER,
      from: "      for (const path of files) this.#dirtyFiles.add(path);\n",
      to: "",
    }],
    test: "files that couldn't be opened for their sync",
  },
  {
    name: "a batch that found no room isn't written again",
    edits: [{
      file: LOG_WRITER,
      from:
        "        await file.write(bytes, this.#filePosition);\n        return this.shortage.leave();\n",
      to: "        return this.shortage.leave();\n",
    }],
  },
  {
    name: "a batch that found no room is written again behind its place",
    edits: [{
      file: LOG_WRITER,
      from:
        "        await file.write(bytes, this.#filePosition);\n        return this.shortage.leave();\n",
      to:
        "        await file.write(bytes, this.#filePosition += 512);\n        return this.shortage.leave();\n",
    }],
  },
  {
    name: "a batch that found no room is taken for a failure",
    edits: [{
      file: LOG_WRITER,
      from: "      await this.#writeHeld(current.file, bytes, error);\n",
      to: "      throw error;\n",
    }],
  },
  {
    name: "a log file that couldn't be made is taken for a failure",
    edits: [{
      file: "file/wal/shortage.ts",
      from: "    if (!isShortage(error) || this.#isStopped) throw error;\n",
      to:
        '    if (!isShortage(error) || error.kind !== "no_space" || this.#isStopped) throw error;\n',
    }],
  },
];
