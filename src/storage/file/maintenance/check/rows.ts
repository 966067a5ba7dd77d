import type { DatabaseSync } from "node:sqlite";
import { isJsonType } from "../../../../protocol/content_type.ts";
import { messageEnds } from "../../../../protocol/json.ts";
import { expiryMs } from "../../../../protocol/lifetime.ts";
import type { SegmentRow, StreamRow } from "../../catalog/catalog.ts";
import {
  PRODUCER_COLUMNS,
  SEGMENT_COLUMNS,
  type SqlRow,
  STREAM_COLUMNS,
  toSegmentRow,
  toStreamRow,
} from "../../catalog/schema.ts";
import { checkBlocks, type HeldSoFar } from "./blocks.ts";
import { rowFinding } from "./catalog.ts";
import { asNumbers, wrongChecksum } from "../scan/table_rows.ts";
import type { LogExtent } from "./log.ts";
import { brokenFork, type LoggedStreams, type RowState } from "./logged_streams.ts";
import type { CheckScope } from "./scope.ts";
import { checkSegment } from "./segment.ts";
import { type AffectedStream, type Finding, type Found, isFinding } from "./finding.ts";
import { rowPages } from "../scan/row_pages.ts";

/** The state that the rows are compared with. */
export interface RowsFrame {
  readonly uuid: string | undefined;
  readonly logged: LoggedStreams;
  readonly logExtent: LogExtent;
}

/** Looks up the rows that records are checked against. */
export function rowStates(database: DatabaseSync): (id: number) => RowState | undefined {
  const statement = database.prepare("SELECT name, position, tail FROM stream WHERE id = ?");
  return (id) => {
    const row = statement.get(id);
    return row && {
      name: String(row.name),
      lsn: Number(row.position),
      tail: Number(row.tail),
    };
  };
}

/**
 * Checks the rows of streams, producers, segments and blocks, and the segments' files. The tables are
 * read side by side, so that the memory that this takes doesn't follow their number.
 */
export function* checkRows(
  scope: CheckScope,
  database: DatabaseSync,
  frame: RowsFrame,
): Generator<Found> {
  yield* new RowsCheck(scope, database, frame).run();
}

class RowsCheck {
  readonly #scope: CheckScope;
  readonly #frame: RowsFrame;
  readonly #path: string;
  readonly #rowStateOf: (id: number) => RowState | undefined;
  readonly #streams: RowCursor;
  readonly #producers: RowCursor;
  readonly #segments: RowCursor;
  readonly #blocks: RowCursor;

  constructor(scope: CheckScope, database: DatabaseSync, frame: RowsFrame) {
    this.#scope = scope;
    this.#frame = frame;
    this.#path = scope.paths.catalog;
    this.#rowStateOf = rowStates(database);
    this.#streams = new RowCursor(rowPages(database, "stream", ["id"]), "id");
    this.#producers = new RowCursor(
      rowPages(database, "producer", ["stream_id", "producer_id"]),
      "stream_id",
    );
    this.#segments = new RowCursor(
      rowPages(database, "segment", ["stream_id", "base"]),
      "stream_id",
    );
    this.#blocks = new RowCursor(
      rowPages(database, "block", ["stream_id", "base"]),
      "stream_id",
    );
  }

  *run(): Generator<Found> {
    for (let row = this.#streams.next(); row !== undefined; row = this.#streams.next()) {
      const id = Number(row.id);
      this.#scope.counts.streams++;
      yield* this.#orphans(id);
      yield* this.#stream(id, row);
    }
    yield* this.#orphans(Infinity);
  }

  /** Rows of streams before this one that have no row of `stream`. */
  *#orphans(before: number): Generator<Finding> {
    for (const row of this.#producers.takeBefore(before)) {
      yield this.#orphan("producer_row", "producer", row);
    }
    for (const row of this.#segments.takeBefore(before)) {
      yield this.#orphan("segment_row", "segment", row);
    }
    for (const row of this.#blocks.takeBefore(before)) {
      yield this.#orphan("block_row", "block", row);
    }
  }

  #orphan(
    kind: "producer_row" | "segment_row" | "block_row",
    table: string,
    row: SqlRow,
  ): Finding {
    const id = Number(row.stream_id);
    return {
      ...rowFinding(kind, this.#path, `a row of ${table} of a stream without a row`, {
        expected: `a row of stream ${id}`,
        found: "none",
      }),
      stream: { id },
    };
  }

  *#stream(id: number, row: SqlRow): Generator<Found> {
    const affected = { id, name: String(row.name) };
    const wrong = wrongChecksum(row, STREAM_COLUMNS);
    if (wrong !== undefined) {
      yield {
        ...rowFinding("stream_row", this.#path, "a row of stream fails its checksum", wrong),
        stream: affected,
      };
    }
    const stream = wrong === undefined ? toStreamRow(asNumbers(row), this.#path) : undefined;
    if (stream !== undefined) yield* this.#streamRow(stream, row, affected);
    yield* this.#producersOf(affected, stream?.producerCount);
    yield* this.#heldOf(affected, stream);
  }

  *#streamRow(stream: StreamRow, row: SqlRow, affected: AffectedStream): Generator<Finding> {
    const endsAtMs = expiryMs(stream.lifetime, stream.accessedAtMs);
    const expected = endsAtMs === Infinity ? null : endsAtMs;
    const found = row.ends_at_ms === null ? null : Number(row.ends_at_ms);
    if (found !== expected) {
      yield {
        ...rowFinding("stream_row", this.#path, "ends_at_ms isn't what the row's lifetime says", {
          expected: `${expected}`,
          found: `${found}`,
        }),
        stream: affected,
      };
    }
    const { logExtent, logged } = this.#frame;
    if (logExtent.isWhole && stream.lsn > logExtent.lastLsn) {
      yield {
        kind: "log_gap",
        path: this.#scope.paths.log,
        position: 0,
        message: "the log ends before the newest record that a stream's row holds",
        expected: `records up to ${stream.lsn}`,
        found: `records up to ${logExtent.lastLsn}`,
        stream: affected,
      };
    }
    const { fork } = stream;
    if (fork === undefined || logged.get(stream.id)?.isDeleted) return;
    const source = logged.get(fork.sourceId);
    const tail = source?.isDeleted
      ? undefined
      : source?.tail ?? this.#rowStateOf(fork.sourceId)?.tail;
    if (tail !== undefined && tail >= fork.point) return;
    yield { ...brokenFork(fork, tail), path: this.#path, position: 0, stream: affected };
  }

  /** @param expected how many there should be, where the stream's row can be trusted */
  *#producersOf(affected: AffectedStream, expected: number | undefined): Generator<Finding> {
    let count = 0;
    for (const row of this.#producers.takeOf(affected.id)) {
      count++;
      const wrong = wrongChecksum(row, PRODUCER_COLUMNS);
      if (wrong === undefined) continue;
      const message = `the row of producer ${JSON.stringify(row.producer_id)} fails its checksum`;
      yield { ...rowFinding("producer_row", this.#path, message, wrong), stream: affected };
    }
    if (expected === undefined || count === expected) return;
    yield {
      ...rowFinding("producer_row", this.#path, "rows of producers are missing or too many", {
        expected: `${expected} rows`,
        found: `${count} rows`,
      }),
      stream: affected,
    };
  }

  /**
   * What is held of a stream is one run: its segments, its blocks in the catalogue, the row's rest.
   *
   * @param stream its row, where that can be trusted
   */
  *#heldOf(affected: AffectedStream, stream: StreamRow | undefined): Generator<Found> {
    const inSegments = yield* this.#segmentsOf(affected, stream);
    const { next, messages } = yield* checkBlocks(this.#blocks.takeOf(affected.id), {
      path: this.#path,
      affected,
      isJson: stream !== undefined && isJsonType(stream.contentType),
      before: inSegments,
      gapAt: (next, base) =>
        stream === undefined || isTrimmed(stream, next, base)
          ? undefined
          : this.#gap("block", affected, next, base),
    });
    if (stream === undefined) return;
    const end = stream.tail - stream.rest.length;
    if (next === end) yield* this.#messages(affected, stream, messages);
    else if (!isTrimmed(stream, next, end)) {
      const table = next === inSegments.next ? "segment" : "block";
      yield this.#gap(table, affected, next, end);
    }
  }

  /** @returns how far they go */
  *#segmentsOf(
    affected: AffectedStream,
    stream: StreamRow | undefined,
  ): Generator<Found, HeldSoFar> {
    let next = stream?.fork?.point ?? 0;
    let messages: number | undefined = 0;
    for (const row of this.#segments.takeOf(affected.id)) {
      const wrong = wrongChecksum(row, SEGMENT_COLUMNS);
      if (wrong !== undefined) {
        const message = `the row of the segment at ${Number(row.base)} fails its checksum`;
        yield { ...rowFinding("segment_row", this.#path, message, wrong), stream: affected };
        messages = undefined;
        continue;
      }
      const segment = toSegmentRow(asNumbers(row), this.#path);
      if (stream !== undefined && segment.base !== next) {
        if (!isTrimmed(stream, next, segment.base)) {
          yield this.#gap("segment", affected, next, segment.base);
        }
        messages = undefined;
      }
      next = segment.end;
      messages = yield* this.#segment(segment, affected, stream, messages);
    }
    return { next, messages };
  }

  /** @param stored how many messages there are before the rest, where that is known */
  *#messages(
    affected: AffectedStream,
    { contentType, messages, rest, restMessages }: StreamRow,
    stored: number | undefined,
  ): Generator<Finding> {
    const wrong = (message: string, expected: number, found: number) => ({
      ...rowFinding("stream_row", this.#path, message, {
        expected: `${expected}`,
        found: `${found}`,
      }),
      stream: affected,
    });
    const counted = isJsonType(contentType)
      ? messageEnds(rest).length
      : rest.length === 0
      ? 0
      : Math.max(1, restMessages);
    if (restMessages !== counted) {
      yield wrong("rest_messages isn't how many messages the rest has", counted, restMessages);
    }
    if (stored !== undefined && messages !== stored + counted) {
      yield wrong(
        "messages isn't how many the segments, the blocks and the rest have",
        stored + counted,
        messages,
      );
    }
  }

  *#segment(
    segment: SegmentRow,
    stream: AffectedStream,
    row: StreamRow | undefined,
    messagesBefore: number | undefined,
  ): Generator<Found, number | undefined> {
    const isJson = row !== undefined && isJsonType(row.contentType);
    const { uuid } = this.#frame;
    const check = checkSegment(this.#scope, segment, uuid, isJson, messagesBefore);
    let next = check.next();
    for (; !next.done; next = check.next()) {
      yield isFinding(next.value) ? { ...next.value, stream } : next.value;
    }
    return next.value;
  }

  #gap(
    table: "segment" | "block",
    stream: AffectedStream,
    expected: number,
    found: number,
  ): Finding {
    const message = found > expected
      ? `a row of ${table} is missing`
      : `rows of ${table} hold more than the row of their stream`;
    return {
      ...rowFinding(`${table}_row`, this.#path, message, {
        expected: `bytes that go on at offset ${expected}`,
        found: `some that go on at ${found}`,
      }),
      stream,
      range: { from: Math.min(expected, found), to: Math.max(expected, found) },
    };
  }
}

/** Whether what is missing before the first bytes that a stream holds is what was trimmed of it. */
function isTrimmed(
  { fork, earliest, softDeleted }: StreamRow,
  expected: number,
  found: number,
): boolean {
  if (expected !== (fork?.point ?? 0) || found < expected) return false;
  return found <= earliest || softDeleted;
}

/** Rows of a table in the order of its key, one held back. */
class RowCursor {
  readonly #rows: Iterator<SqlRow>;
  readonly #idColumn: string;
  #held: SqlRow | undefined;
  #isStarted = false;

  constructor(rows: Iterator<SqlRow>, idColumn: string) {
    this.#rows = rows;
    this.#idColumn = idColumn;
  }

  /** The next row. */
  next(): SqlRow | undefined {
    const row = this.#peek();
    this.#held = this.#read();
    return row;
  }

  /** The rows of ids before this one. */
  *takeBefore(id: number): Generator<SqlRow> {
    for (let row = this.#peek(); row !== undefined && this.#idOf(row) < id; row = this.#peek()) {
      this.next();
      yield row;
    }
  }

  /** The rows of this id. */
  *takeOf(id: number): Generator<SqlRow> {
    for (let row = this.#peek(); row !== undefined && this.#idOf(row) === id; row = this.#peek()) {
      this.next();
      yield row;
    }
  }

  #peek(): SqlRow | undefined {
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#held = this.#read();
    }
    return this.#held;
  }

  #read(): SqlRow | undefined {
    const { done, value } = this.#rows.next();
    return done ? undefined : value;
  }

  #idOf(row: SqlRow): number {
    return Number(row[this.#idColumn]);
  }
}
