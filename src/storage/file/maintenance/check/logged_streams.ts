import type { SegmentRow } from "../../catalog/catalog.ts";
import type { SegmentName } from "../../directory/paths.ts";
import type {
  AppendRecord,
  CompactionRecord,
  CreateRecord,
  ForkOrigin,
  LoggedSnapshot,
  TrimRecord,
} from "../../../records.ts";
import type { LocatedRecord } from "./log.ts";
import type { LoggedSubscriptions } from "./logged_subscriptions.ts";
import type { Finding } from "./finding.ts";

/** The part of a row that records are checked against. */
export interface RowState {
  readonly name: string;
  /** The newest record that it includes. */
  readonly lsn: number;
  readonly tail: number;
}

/** A stream after the log's records. */
export interface LoggedStream {
  name: string | undefined;
  tail: number;
  isDeleted: boolean;
  /** What the log makes of its snapshot: `null` that there is none; `undefined` where it says nothing. */
  snapshot: LoggedSnapshot | null | undefined;
  /** What compactions have made that isn't in rows yet, by their bases. */
  compacted?: Map<number, SegmentRow>;
  /** Set where the log creates it. */
  fork: ForkOrigin | undefined;
  readonly hasRow: boolean;
  /** Its first record. `isKnown` is false where neither a row nor a record creates the stream. */
  readonly first: LocatedRecord;
  readonly isKnown: boolean;
}

/** Checks the log's records against the catalogue's rows, and keeps the streams that they lead to. */
export class LoggedStreams {
  readonly #rowOf: (id: number) => RowState | undefined;
  readonly #subscriptions: LoggedSubscriptions;
  readonly #streams = new Map<number, LoggedStream>();

  /**
   * @param rowOf looks a stream up in the catalogue
   * @param subscriptions takes the records that are about those
   */
  constructor(
    rowOf: (id: number) => RowState | undefined,
    subscriptions: LoggedSubscriptions,
  ) {
    this.#rowOf = rowOf;
    this.#subscriptions = subscriptions;
  }

  /** A stream after the log's records, `undefined` where there are none of it. */
  get(id: number): LoggedStream | undefined {
    return this.#streams.get(id);
  }

  /** Those that the log has records of. */
  all(): Iterable<[number, LoggedStream]> {
    return this.#streams;
  }

  /** How many streams there are more than rows: those that only the log creates, less those that it deletes. */
  get countBeyondRows(): number {
    let count = 0;
    for (const { hasRow, isDeleted, isKnown } of this.#streams.values()) {
      if (hasRow && isDeleted) count--;
      else if (!hasRow && isKnown && !isDeleted) count++;
    }
    return count;
  }

  /** Takes the next record of the log. */
  *add(located: LocatedRecord): Generator<Finding> {
    const { record } = located;
    if (record === undefined) return;
    if (record.kind === "delete") {
      for (const id of record.ids) {
        const stream = this.#streamOf(id, located);
        if (!record.soft) stream.isDeleted = true;
        stream.snapshot = null;
      }
    } else if (record.kind === "create") {
      yield* this.#create(record, located);
    } else if (record.kind === "compaction") {
      this.#compaction(record, located);
    } else if (record.kind === "snapshot") {
      const stream = this.#streamOf(record.id, located);
      const row = this.#rowOf(record.id);
      if (row === undefined || row.lsn < located.lsn) stream.snapshot = record.snapshot ?? null;
    } else if (record.kind === "subscription") {
      yield* this.#subscriptions.add(record, located);
    } else if (record.kind === "append") {
      yield* this.#append(record, located);
    } else if (record.kind === "trim") {
      yield* this.#trim(record, located);
    } else {
      this.#streamOf(record.id, located);
    }
  }

  /** Whether a segment belongs to a stream by a record of its compaction. */
  names({ streamId, base, generation }: SegmentName): boolean {
    const { isDeleted = true, compacted } = this.#streams.get(streamId) ?? {};
    return !isDeleted && compacted?.get(base)?.generation === generation;
  }

  /** The findings that only the log's end shows. */
  *finish(): Generator<Finding> {
    yield* this.#subscriptions.finish();
    for (const [id, stream] of this.#streams) {
      const { first, fork } = stream;
      if (stream.isDeleted) continue;
      if (!stream.isKnown) {
        yield misfit(first, id, undefined, {
          message: "a record of a stream that nothing makes",
          expected: `a row of stream ${id}, or its creation in the log`,
          found: "neither",
        });
      }
      if (fork !== undefined) yield* this.#fork(id, stream, fork);
    }
  }

  *#create(record: CreateRecord, located: LocatedRecord): Generator<Finding> {
    const { id, fork, name } = record;
    const row = this.#rowOf(id);
    if (row !== undefined && row.lsn >= located.lsn) {
      this.#streamOf(id, located);
      return;
    }
    if (row !== undefined || this.#streams.has(id)) {
      yield misfit(located, id, name, {
        message: "a creation of a stream that is there already",
        expected: "an id that was never used",
        found: `${id}`,
      });
    }
    const tail = (fork?.point ?? 0) + located.dataBytes;
    const hasRow = row !== undefined;
    const stream = {
      name,
      tail,
      isDeleted: false,
      snapshot: null,
      fork,
      hasRow,
      first: located,
      isKnown: true,
    };
    this.#streams.set(id, stream);
  }

  *#append(record: AppendRecord, located: LocatedRecord): Generator<Finding> {
    const { id, start } = record;
    const stream = this.#streamOf(id, located);
    const row = this.#rowOf(id);
    if (!stream.isKnown || (row !== undefined && row.lsn >= located.lsn)) return;
    if (start !== stream.tail) {
      yield misfit(located, id, stream.name, {
        message: "an append that doesn't begin at its stream's tail",
        expected: `offset ${stream.tail}`,
        found: `offset ${start}`,
      });
    }
    stream.tail = start + located.dataBytes;
  }

  #compaction({ id, old, segments }: CompactionRecord, located: LocatedRecord): void {
    const stream = this.#streamOf(id, located);
    const row = this.#rowOf(id);
    if (row === undefined || row.lsn >= located.lsn) return;
    const compacted = stream.compacted ??= new Map();
    for (const { base } of old) compacted.delete(base);
    for (const segment of segments) compacted.set(segment.base, { streamId: id, ...segment });
  }

  *#trim({ id, earliest }: TrimRecord, located: LocatedRecord): Generator<Finding> {
    const stream = this.#streamOf(id, located);
    const row = this.#rowOf(id);
    if (!stream.isKnown || (row !== undefined && row.lsn >= located.lsn)) return;
    if (earliest <= stream.tail) return;
    yield misfit(located, id, stream.name, {
      message: "a trim past its stream's tail",
      expected: `an offset up to ${stream.tail}`,
      found: `offset ${earliest}`,
    });
  }

  *#fork(id: number, { name, first }: LoggedStream, fork: ForkOrigin): Generator<Finding> {
    const source = this.#streams.get(fork.sourceId);
    const tail = source?.isDeleted ? undefined : source?.tail ?? this.#rowOf(fork.sourceId)?.tail;
    if (tail !== undefined && tail >= fork.point) return;
    const { path, filePosition: position } = first;
    yield { ...brokenFork(fork, tail), path, position, stream: { id, name } };
  }

  #streamOf(id: number, first: LocatedRecord): LoggedStream {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    const row = this.#rowOf(id);
    const stream: LoggedStream = {
      name: row?.name,
      tail: row?.tail ?? 0,
      isDeleted: false,
      snapshot: undefined,
      fork: undefined,
      hasRow: row !== undefined,
      first,
      isKnown: row !== undefined,
    };
    this.#streams.set(id, stream);
    return stream;
  }
}

/**
 * The finding for a fork that doesn't fit its source.
 *
 * @param tail the source's; `undefined` where it isn't there
 */
export function brokenFork(
  { sourceId, sourceName, point }: ForkOrigin,
  tail: number | undefined,
): Pick<Finding, "kind" | "message" | "expected" | "found"> {
  const source = `stream ${JSON.stringify(sourceName)} (${sourceId})`;
  return {
    kind: "fork",
    message: tail === undefined
      ? "a fork's source isn't there"
      : "a fork's point isn't in its source",
    expected: `${source} up to offset ${point}`,
    found: tail === undefined ? "no such stream" : `its tail at offset ${tail}`,
  };
}

function misfit(
  { path, filePosition: position }: LocatedRecord,
  id: number,
  name: string | undefined,
  what: Pick<Finding, "message" | "expected" | "found">,
): Finding {
  return { kind: "log_record", path, position, ...what, stream: { id, name } };
}
