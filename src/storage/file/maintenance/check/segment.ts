import { FileSystemError } from "../../../../env/file_system.ts";
import type { SegmentRow } from "../../catalog/catalog.ts";
import { countMessages } from "../../segments/count_messages.ts";
import {
  decodeIndexEntry,
  decodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  type IndexEntry,
} from "../../segments/index_format.ts";
import { segmentPaths } from "../../directory/paths.ts";
import { type CheckScope, countFile } from "./scope.ts";
import { FileWindow } from "../../directory/file_window.ts";
import type { Finding, FindingKind, Found, Note, OffsetRange } from "./finding.ts";

const COMMA = 0x2c;
const LINE_FEED = 0x0a;

/**
 * Checks a segment's two files against its row: every entry of the index, every block.
 *
 * @param uuid the directory's, where it is known
 * @param messagesBefore how many of the stream's own come before it, where that is known
 * @returns how many there are up to its end, where that is known
 */
export function* checkSegment(
  scope: CheckScope,
  row: SegmentRow,
  uuid: string | undefined,
  isJson: boolean,
  messagesBefore: number | undefined,
): Generator<Found, number | undefined> {
  const { log: logPath, index: indexPath } = segmentPaths(
    scope.paths.segments,
    row.streamId,
    row.base,
    row.generation,
  );
  const log = new OptionalFile(scope, logPath);
  try {
    const index = new OptionalFile(scope, indexPath);
    try {
      const files = { log, index };
      return yield* new SegmentCheck(row, uuid, isJson, files, messagesBefore).run();
    } finally {
      index.close();
    }
  } finally {
    log.close();
  }
}

/** A file that may be missing. */
class OptionalFile {
  readonly path: string;
  readonly window: FileWindow | undefined;
  readonly close: () => void;

  constructor(scope: CheckScope, path: string) {
    this.path = path;
    try {
      const file = scope.fileSystem.open(path, "read");
      this.window = new FileWindow(file);
      this.close = () => file.close();
      countFile(scope, this.window.sizeBytes);
    } catch (error) {
      if (!(error instanceof FileSystemError && error.kind === "not_found")) throw error;
      this.window = undefined;
      this.close = () => {};
    }
  }
}

/** Where a block ends in its file, and where it begins in the stream. */
interface BlockExtent {
  readonly stop: number;
  readonly start: number;
}

class SegmentCheck {
  readonly #row: SegmentRow;
  readonly #uuid: string | undefined;
  readonly #isJson: boolean;
  readonly #log: OptionalFile;
  readonly #index: OptionalFile;
  /** How many of the stream's own messages come before the next block, where that is known. */
  #messages: number | undefined;

  constructor(
    row: SegmentRow,
    uuid: string | undefined,
    isJson: boolean,
    { log, index }: { log: OptionalFile; index: OptionalFile },
    messagesBefore: number | undefined,
  ) {
    this.#row = row;
    this.#uuid = uuid;
    this.#isJson = isJson;
    this.#log = log;
    this.#index = index;
    this.#messages = messagesBefore;
  }

  /** @returns as {@link checkSegment} */
  *run(): Generator<Found, number | undefined> {
    const { bytes, blocks } = this.#row;
    const indexBytes = INDEX_HEADER_BYTES + blocks * INDEX_ENTRY_BYTES;
    yield* sizeOf(this.#log, bytes, "segment_missing", "segment_short", (size) => this.#to(size));
    yield* sizeOf(this.#index, indexBytes, "index_missing", "index_short", () => this.#to(0));
    const index = this.#index.window;
    if (index === undefined) return undefined;
    yield* this.#header(index);
    yield* this.#entries(index);
    return this.#messages;
  }

  *#header(index: FileWindow): Generator<Finding> {
    const header = decodeIndexHeader(index.bytes(0, INDEX_HEADER_BYTES));
    const { streamId, base } = this.#row;
    const named = (id: number, from: number, uuid: string) =>
      `the segment of stream ${id} from offset ${from} on, of directory ${uuid}`;
    const uuid = this.#uuid ?? header?.uuid ?? "";
    if (header?.streamId === streamId && header.base === base && header.uuid === uuid) return;
    yield {
      kind: "index_header",
      path: this.#index.path,
      position: 0,
      message: header === undefined
        ? "the header of an index fails its checksum"
        : "an index belongs to another segment",
      expected: named(streamId, base, uuid),
      found: header === undefined
        ? "no valid header"
        : named(header.streamId, header.base, header.uuid),
      range: this.#to(0),
    };
  }

  *#entries(index: FileWindow): Generator<Finding> {
    const { base, blocks, end: last } = this.#row;
    let before: IndexEntry | undefined;
    let start = 0;
    let startOffset = base;
    for (let i = 0; i < blocks; i++) {
      const at = INDEX_HEADER_BYTES + i * INDEX_ENTRY_BYTES;
      if (at + INDEX_ENTRY_BYTES > index.sizeBytes) {
        this.#messages = undefined;
        return;
      }
      const entry = decodeIndexEntry(index.bytes(at, INDEX_ENTRY_BYTES), 0);
      const block = entry && this.#blockOf(index, i, entry);
      const isLast = i === blocks - 1;
      const wrong = this.#wrongEntry(entry, block, before, start, isLast ? last : undefined);
      if (wrong !== undefined) {
        const to = entry !== undefined && entry.end > startOffset ? entry.end : last;
        yield {
          kind: "index_entry",
          path: this.#index.path,
          position: at,
          ...wrong,
          range: { from: startOffset, to: Math.min(last, to) },
        };
      }
      if (entry === undefined) {
        // Only its own entry says where the next block begins.
        before = undefined;
        start = NaN;
        this.#messages = undefined;
        continue;
      }
      if (block !== undefined) {
        const isWhole = yield* this.#block(entry, block);
        if (isWhole && wrong === undefined) yield* this.#count(entry, block, at);
      }
      this.#messages = entry.messages;
      before = entry;
      start = block?.stop ?? NaN;
      startOffset = entry.end;
    }
  }

  /** Where a block is; `undefined` where only a damaged entry behind it would say where it ends. */
  #blockOf(index: FileWindow, number: number, entry: IndexEntry): BlockExtent | undefined {
    const { base, bytes, blocks } = this.#row;
    if (!this.#hasGaps) {
      return { stop: entry.end - base, start: base + entry.filePosition };
    }
    const nextAt = INDEX_HEADER_BYTES + (number + 1) * INDEX_ENTRY_BYTES;
    const stop = number === blocks - 1
      ? bytes
      : decodeIndexEntry(index.bytes(nextAt, INDEX_ENTRY_BYTES), 0)?.filePosition;
    return stop === undefined
      ? undefined
      : { stop, start: entry.end - (stop - entry.filePosition) };
  }

  /** Whether there are gaps between its blocks, which a compaction has left. */
  get #hasGaps(): boolean {
    const { base, bytes, end } = this.#row;
    return end - base !== bytes;
  }

  #wrongEntry(
    entry: IndexEntry | undefined,
    block: BlockExtent | undefined,
    before: IndexEntry | undefined,
    start: number,
    last: number | undefined,
  ): Pick<Finding, "message" | "expected" | "found"> | undefined {
    if (entry === undefined) {
      return {
        message: "an entry of an index fails its checksum",
        expected: "an entry with its CRC-32",
        found: "none",
      };
    }
    const message = "an entry of an index doesn't follow the one before";
    const { filePosition, end, atMs } = entry;
    if (filePosition !== start && !Number.isNaN(start)) {
      return {
        message,
        expected: `a block at byte ${start}`,
        found: `one at byte ${filePosition}`,
      };
    }
    const earliest = before?.end ?? this.#row.base;
    const isEmpty = block !== undefined && block.stop <= filePosition;
    const isTooEarly = this.#hasGaps && block !== undefined && block.start < earliest;
    if (isEmpty || isTooEarly || end <= this.#row.base + filePosition) {
      const expected = isTooEarly
        ? `a block from offset ${earliest} on`
        : `an end after offset ${this.#row.base + filePosition}`;
      return { message, expected, found: isTooEarly ? `${block.start}` : `${end}` };
    }
    if (before !== undefined && atMs < before.atMs) {
      return { message, expected: `a time from ${before.atMs} on`, found: `${atMs}` };
    }
    if (last === undefined || end === last) return undefined;
    return {
      message: "the last entry of an index doesn't end where its segment does",
      expected: `offset ${last}`,
      found: `offset ${end}`,
    };
  }

  /** @returns whether the block is as it was written */
  *#block(
    { filePosition, end, checksum }: IndexEntry,
    { stop, start }: BlockExtent,
  ): Generator<Finding, boolean> {
    const log = this.#log.window;
    // A short file has a finding of its own.
    if (log === undefined || stop > log.sizeBytes || stop <= filePosition) return false;
    const found = log.checksum(filePosition, stop);
    const range = { from: start, to: end };
    const location = {
      kind: "segment_block",
      path: this.#log.path,
      position: filePosition,
      range,
    } as const;
    if (found !== checksum) {
      yield {
        ...location,
        message: "a block of a segment fails its checksum",
        expected: `the CRC-32 ${checksum}`,
        found: `${found} over ${stop - filePosition} bytes`,
      };
      return false;
    }
    if (!this.#isJson) return true;
    const [comma, lineFeed] = log.bytes(stop - 2, 2);
    if (comma === COMMA && lineFeed === LINE_FEED) return true;
    yield {
      ...location,
      message: "a block of a JSON stream doesn't end with a message",
      expected: "a comma and a line feed",
      found: `the bytes ${comma} and ${lineFeed}`,
    };
    return false;
  }

  /** Whether an entry counts the messages of its block on. */
  *#count(
    { filePosition, end, messages }: IndexEntry,
    { stop, start }: BlockExtent,
    at: number,
  ): Generator<Finding> {
    const before = this.#messages;
    const log = this.#log.window;
    if (before === undefined) return;
    const count = this.#isJson && log !== undefined
      ? countMessages(log, filePosition, stop)
      : undefined;
    // A byte stream's block doesn't show how many it has, and in a gap nobody knows how many there were.
    const isRight = count === undefined
      ? messages >= before
      : this.#hasGaps
      ? messages >= before + count
      : messages === before + count;
    if (isRight) return;
    yield {
      kind: "index_entry",
      path: this.#index.path,
      position: at,
      message: "an entry of an index doesn't count its block's messages",
      expected: count === undefined
        ? `${before} messages or more`
        : `${before + count} messages up to its end`,
      found: `${messages}`,
      range: { from: start, to: end },
    };
  }

  /** The offsets that are lost where only so many bytes of the segment can be read. */
  #to(bytes: number): OffsetRange {
    const { base, end } = this.#row;
    // With gaps nobody knows here which offsets these bytes have.
    return { from: this.#hasGaps ? base : base + bytes, to: end };
  }
}

function* sizeOf(
  { path, window }: OptionalFile,
  expectedBytes: number,
  missing: FindingKind,
  short: FindingKind,
  rangeAt: (sizeBytes: number) => OffsetRange,
): Generator<Found> {
  const sizeBytes = window?.sizeBytes ?? 0;
  if (window !== undefined && sizeBytes === expectedBytes) return;
  if (window !== undefined && sizeBytes > expectedBytes) {
    yield unused(path, expectedBytes, sizeBytes);
    return;
  }
  yield {
    kind: window === undefined ? missing : short,
    path,
    position: sizeBytes,
    message: window === undefined
      ? "a file of a segment is missing"
      : "a file of a segment is shorter than its row",
    expected: `${expectedBytes} bytes`,
    found: window === undefined ? "no file" : `${sizeBytes}`,
    range: rangeAt(sizeBytes),
  };
}

function unused(path: string, usedBytes: number, sizeBytes: number): Note {
  return {
    kind: "unused_bytes",
    path,
    position: usedBytes,
    message:
      `${sizeBytes - usedBytes} bytes behind what belongs to the stream; a crash left them, ` +
      "and the server cuts them off before it writes there",
  };
}
