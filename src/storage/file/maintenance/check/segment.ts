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
    const { base, bytes, blocks } = this.#row;
    const last = base + bytes;
    let before: IndexEntry | undefined;
    let start = 0;
    for (let i = 0; i < blocks; i++) {
      const at = INDEX_HEADER_BYTES + i * INDEX_ENTRY_BYTES;
      if (at + INDEX_ENTRY_BYTES > index.sizeBytes) {
        this.#messages = undefined;
        return;
      }
      const entry = decodeIndexEntry(index.bytes(at, INDEX_ENTRY_BYTES), 0);
      const wrong = this.#wrongEntry(entry, before, start, i === blocks - 1 ? last : undefined);
      if (wrong !== undefined) {
        const to = entry !== undefined && entry.end > base + start ? entry.end : last;
        yield {
          kind: "index_entry",
          path: this.#index.path,
          position: at,
          ...wrong,
          range: { from: base + start, to: Math.min(last, to) },
        };
      }
      if (entry === undefined) {
        // Only its own entry says where the next block begins.
        before = undefined;
        start = NaN;
        this.#messages = undefined;
        continue;
      }
      const isWhole = yield* this.#block(entry);
      if (isWhole && wrong === undefined) yield* this.#count(entry, at);
      this.#messages = entry.messages;
      before = entry;
      start = entry.end - base;
    }
  }

  #wrongEntry(
    entry: IndexEntry | undefined,
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
    if (end <= this.#row.base + filePosition) {
      const expected = `an end after offset ${this.#row.base + filePosition}`;
      return { message, expected, found: `${end}` };
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
  *#block({ filePosition, end, checksum }: IndexEntry): Generator<Finding, boolean> {
    const log = this.#log.window;
    const { base } = this.#row;
    const stop = end - base;
    // A short file has a finding of its own.
    if (log === undefined || stop > log.sizeBytes || stop <= filePosition) return false;
    const found = log.checksum(filePosition, stop);
    const range = { from: base + filePosition, to: end };
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
  *#count({ filePosition, end, messages }: IndexEntry, at: number): Generator<Finding> {
    const before = this.#messages;
    const log = this.#log.window;
    if (before === undefined) return;
    const { base } = this.#row;
    const stop = end - base;
    const count = this.#isJson && log !== undefined
      ? countMessages(log, filePosition, stop)
      : undefined;
    // A byte stream's block doesn't show how many it has.
    const isRight = count === undefined ? messages >= before : messages === before + count;
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
      range: { from: base + filePosition, to: end },
    };
  }

  /** The offsets that are lost where only so many bytes of the segment can be read. */
  #to(bytes: number): OffsetRange {
    const { base } = this.#row;
    return { from: base + bytes, to: base + this.#row.bytes };
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
