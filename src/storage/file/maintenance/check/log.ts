import { join } from "node:path";
import { getU64, viewOf } from "../../../little_endian.ts";
import { logFileNames } from "../../wal/reader.ts";
import {
  decodeLogHeader,
  LOG_HEADER_BYTES,
  logFileName,
  type LogHeader,
  logSeed,
  parseLogFileName,
} from "../../wal/format.ts";
import { type CheckScope, countFile } from "./scope.ts";
import { type FileWindow, itemsOfWindow } from "../../directory/file_window.ts";
import { type BatchPosition, findLogEnd, type LogEnd } from "../../wal/log_end.ts";
import type { Finding, Found, Note } from "./finding.ts";
import { type WalkedBatch, type WalkedRecord, walkLog, walkRecords } from "../../wal/log_walk.ts";

/** The values that a log is compared with, as far as they are known. */
export interface LogFrame {
  readonly uuid: string | undefined;
  /** The catalogue holds all records up to this one. */
  readonly lsn: number | undefined;
}

/** A record of the log and the file that it is in. */
export interface LocatedRecord extends WalkedRecord {
  readonly path: string;
}

/** How far the log's records go; `isWhole` is false where damage hides others. */
export interface LogExtent {
  readonly lastLsn: number;
  readonly isWhole: boolean;
}

/** Where a batch should begin that isn't whole. */
interface EndInFile extends BatchPosition {
  readonly path: string;
}

/**
 * Checks the files under `wal/` as FORMAT.md, "Where the log ends, and what is damage", says, and hands
 * each record before the first damage to `visit`.
 */
export function* checkLog(
  scope: CheckScope,
  frame: LogFrame,
  visit: (record: LocatedRecord) => Iterable<Found>,
): Generator<Found, LogExtent> {
  const check = new LogCheck(scope, frame, visit);
  yield* check.run();
  return check.extent;
}

class LogCheck {
  readonly #scope: CheckScope;
  readonly #frame: LogFrame;
  readonly #visit: (record: LocatedRecord) => Iterable<Found>;
  /** Undefined until a file says where it begins. */
  #lastLsn: number | undefined;
  #isWhole = true;
  /** Where the file before ended without a whole batch, though bytes follow there. */
  #end: EndInFile | undefined;

  constructor(
    scope: CheckScope,
    frame: LogFrame,
    visit: (record: LocatedRecord) => Iterable<Found>,
  ) {
    this.#scope = scope;
    this.#frame = frame;
    this.#visit = visit;
  }

  get extent(): LogExtent {
    return { lastLsn: this.#lastLsn ?? 0, isWhole: this.#isWhole };
  }

  *run(): Generator<Found> {
    const { fileSystem, paths } = this.#scope;
    const names = logFileNames(fileSystem, paths.log);
    if (names.length === 0) {
      this.#isWhole = false;
      yield missing(paths.log, "there is no file of the log", "at least one .wal file", "none");
      return;
    }
    let number: number | undefined;
    for (const [i, name] of names.entries()) {
      const found = parseLogFileName(name) ?? 0;
      if (number !== undefined && found > number) yield this.#missingFile(number);
      number = found + 1;
      yield* this.#file(join(paths.log, name), found, i === names.length - 1);
    }
    yield* this.#againstCatalog();
  }

  #missingFile(number: number): Finding {
    const path = join(this.#scope.paths.log, logFileName(number));
    return missing(path, "a file of the log is missing", "a log file", "none");
  }

  *#file(path: string, number: number, isLast: boolean): Generator<Found> {
    yield* itemsOfWindow(this.#scope.fileSystem, path, (window) => {
      countFile(this.#scope, window.sizeBytes);
      return this.#window(window, path, number, isLast);
    });
  }

  *#window(
    window: FileWindow,
    path: string,
    number: number,
    isLast: boolean,
  ): Generator<Found> {
    const header = decodeLogHeader(window.bytes(0, LOG_HEADER_BYTES));
    if (header === undefined) {
      this.#isWhole = false;
      this.#lastLsn = undefined;
      this.#end = undefined;
      yield {
        kind: "log_header",
        path,
        position: 0,
        message: "the header of a log file fails its checksum",
        expected: "the magic DSWAL and a header with its CRC-32",
        found: `${Math.min(window.sizeBytes, LOG_HEADER_BYTES)} bytes that are none`,
      };
      return;
    }
    yield* this.#header(path, number, header);
    yield* this.#size(window, path, header);
    yield* this.#batches(window, path, header, isLast);
  }

  *#header(path: string, number: number, header: LogHeader): Generator<Finding> {
    if (header.number !== number) {
      this.#isWhole = false;
      yield {
        kind: "log_header",
        path,
        position: 8,
        message: "a log file has another number than its name",
        expected: `${number}`,
        found: `${header.number}`,
      };
    }
    const { uuid, lsn } = this.#frame;
    if (uuid !== undefined && header.uuid !== uuid) {
      this.#isWhole = false;
      yield {
        kind: "log_foreign",
        path,
        position: 20,
        message: "a log file belongs to another directory",
        expected: `the UUID ${uuid}`,
        found: header.uuid,
      };
    }
    const last = this.#lastLsn;
    const first = header.firstLsn;
    if (last === undefined) {
      if (this.#isWhole && lsn !== undefined && first > lsn + 1) {
        this.#isWhole = false;
        yield {
          kind: "log_gap",
          path,
          position: 36,
          message: "records before the log's first file are missing",
          expected: `a log that begins with record ${lsn + 1} or an earlier one`,
          found: `one that begins with record ${first}`,
        };
      }
    } else if (first !== last + 1) {
      yield this.#gap(path, last + 1, first);
      this.#isWhole = false;
    }
    this.#lastLsn = first - 1;
  }

  *#size({ sizeBytes }: FileWindow, path: string, header: LogHeader): Generator<Finding> {
    if (sizeBytes >= header.sizeBytes) return;
    yield {
      kind: "log_short",
      path,
      position: sizeBytes,
      message: "a log file is cut short; batches at its end may be missing",
      expected: `${header.sizeBytes} bytes, as its header says`,
      found: `${sizeBytes}`,
    };
  }

  #gap(path: string, expected: number, found: number): Finding {
    const end = this.#end;
    if (end !== undefined && found > expected) return unproven(end, `the next file says so`);
    return {
      kind: "log_gap",
      path,
      position: 36,
      message: "a log file doesn't follow the one before",
      expected: `one that begins with record ${expected}`,
      found: `one that begins with record ${found}`,
    };
  }

  *#batches(
    window: FileWindow,
    path: string,
    header: LogHeader,
    isLast: boolean,
  ): Generator<Found> {
    const seed = logSeed(header);
    let start = { filePosition: LOG_HEADER_BYTES, lsn: header.firstLsn };
    let end: LogEnd;
    while (true) {
      const batches = findLogEnd(walkLog(window, seed, start.filePosition), start);
      let next = batches.next();
      for (; !next.done; next = batches.next()) yield* this.#records(window, path, next.value);
      end = next.value;
      if (end.proof === undefined) break;
      const { filePosition, header: { firstLsn } } = end.proof;
      this.#isWhole = false;
      yield unproven(
        { path, ...end },
        `the batch at byte ${filePosition} says that it was on disk`,
      );
      if (filePosition <= start.filePosition) break;
      start = { filePosition, lsn: firstLsn };
    }
    this.#lastLsn = end.lsn - 1;
    this.#end = end.isFollowed || isTornHeader(window, end) ? { path, ...end } : undefined;
    if (isLast && this.#end !== undefined) yield* this.#tornEnd(this.#end);
  }

  *#tornEnd(end: EndInFile): Generator<Found> {
    const { lsn } = this.#frame;
    // The comparison with the catalogue reports this position by itself.
    if (lsn !== undefined && end.lsn <= lsn) return;
    yield tornTail(end);
  }

  *#records(window: FileWindow, path: string, batch: WalkedBatch): Generator<Found> {
    for (const record of walkRecords(window, batch)) {
      if (record.record === undefined) {
        this.#isWhole = false;
        yield {
          kind: "log_batch",
          path,
          position: record.filePosition,
          message: `record ${record.lsn} can't be read`,
          expected: "a create, an append, a delete or one of a subscription",
          found: `${record.lengthBytes} bytes that are none`,
        };
      } else if (this.#isWhole) {
        yield* this.#visit({ ...record, path });
      }
    }
  }

  *#againstCatalog(): Generator<Finding> {
    const { lsn } = this.#frame;
    const last = this.#lastLsn;
    if (lsn === undefined || last === undefined || last >= lsn) return;
    if (!this.#isWhole) return;
    this.#isWhole = false;
    const end = this.#end;
    yield end === undefined
      ? {
        kind: "log_gap",
        path: this.#scope.paths.log,
        position: 0,
        message: "the log is older than the catalogue",
        expected: `records up to ${lsn}`,
        found: `records up to ${last}`,
      }
      : unproven(end, `the catalogue holds records up to ${lsn}`);
  }
}

/** A batch of which only the header doesn't check still says which record is its first. */
function isTornHeader(window: FileWindow, { filePosition, lsn }: BatchPosition): boolean {
  const bytes = window.bytes(filePosition, 16);
  return bytes.length === 16 && getU64(viewOf(bytes), 8) === lsn;
}

function unproven({ path, filePosition, lsn }: EndInFile, proof: string): Finding {
  return {
    kind: "log_batch",
    path,
    position: filePosition,
    message: "a batch of the log fails its checksum",
    expected: `a batch that begins with record ${lsn}`,
    found: `none, though ${proof}`,
  };
}

function tornTail({ path, filePosition, lsn }: EndInFile): Note {
  return {
    kind: "torn_tail",
    path,
    position: filePosition,
    message:
      `the newest batch, from record ${lsn} on, fails its checksum: it was being written when ` +
      "the server ended and was never acknowledged, or it was damaged since; nothing tells which",
  };
}

function missing(path: string, message: string, expected: string, found: string): Finding {
  return { kind: "part_missing", path, position: 0, message, expected, found };
}
