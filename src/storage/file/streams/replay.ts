import {
  applyAppend,
  applyCreate,
  applyDelete,
  applyPolicies,
  applySnapshot,
  applyTrim,
} from "../../apply.ts";
import type {
  AppendRecord,
  CompactionRecord,
  CreateRecord,
  DeleteRecord,
  LogRecord,
  PoliciesRecord,
  SnapshotRecord,
  TrimRecord,
} from "../../records.ts";
import type { Catalog, SegmentRow } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";
import type { DamagedStreams } from "../directory/damaged_streams.ts";
import { type FileStream, streamFromRecord } from "./file_stream.ts";
import type { LoggedRecord } from "../wal/reader.ts";
import { decodeRecord } from "../wal/record_codec.ts";
import type { RecoveredLog } from "../wal/recovery.ts";
import { mismatch, type RecordLocation } from "./record_location.ts";
import type { StreamCache } from "./stream_cache.ts";
import { SubscriptionReplay, type SubscriptionReplayParts } from "./subscription_replay.ts";

const GROUP_RECORDS = 1000;
const GROUP_BYTES = 4 * 1024 * 1024;

/** What a replay works on. */
export interface ReplayParts {
  cache: StreamCache;
  catalog: Pick<Catalog, "segmentAt">;
  damaged: DamagedStreams;
  subscriptions: SubscriptionReplayParts;
  /** No stream's row has a greater id. */
  greatestRowId: number;
}

/** What a replay came to. */
export interface ReplayResult {
  /** How many records there were. */
  readonly records: number;
  /** The greatest id of a stream or a subscription among them, 0 where there is none. */
  readonly greatestId: number;
  /**
   * Log files with records of streams or subscriptions whose rows can't be read: these records are applied
   * nowhere.
   */
  readonly filesToQuarantine: readonly string[];
}

/**
 * Applies what the log holds and the catalogue's rows lack to the streams and subscriptions, at the start:
 * afterwards these are in memory and dirty, as if they had just been written to, and the next checkpoint
 * stores them.
 *
 * @throws {DirectoryError} where a record doesn't fit on what is there: what was acknowledged is missing
 */
export async function replayLog(
  log: Pick<RecoveredLog, "forEach">,
  parts: ReplayParts,
): Promise<ReplayResult> {
  const replay = new LogReplay(parts);
  await log.forEach((record, path) => replay.take(record, path));
  return replay.finish();
}

class LogReplay {
  readonly #parts: ReplayParts;
  readonly #subscriptions: SubscriptionReplay;
  /** Streams that nothing makes so far, and their first records: only a delete that follows explains it. */
  readonly #unknown = new Map<number, RecordLocation>();
  readonly #unreadable = new Map<number, Set<string>>();
  /** Records whose streams are looked up together. */
  #group: { record: LogRecord; placed: RecordLocation }[] = [];
  #groupBytes = 0;
  #records = 0;
  #greatestId = 0;

  constructor(parts: ReplayParts) {
    this.#parts = parts;
    this.#subscriptions = new SubscriptionReplay(parts.subscriptions);
  }

  take({ lsn, filePosition, bytes }: LoggedRecord, path: string): void {
    const placed = { lsn, path, filePosition };
    this.#group.push({ record: decode(bytes, placed), placed });
    this.#groupBytes += bytes.length;
    if (this.#group.length >= GROUP_RECORDS || this.#groupBytes >= GROUP_BYTES) this.#applyGroup();
  }

  #applyGroup(): void {
    const group = this.#group;
    this.#group = [];
    this.#groupBytes = 0;
    const ids = new Set(group.flatMap(({ record }) => idsOf(record)));
    for (const id of ids) this.#greatestId = Math.max(this.#greatestId, id);
    this.#parts.cache.preload(
      [...ids].filter((id) => id <= this.#parts.greatestRowId && !this.#unreadable.has(id)),
    );
    for (const { record, placed } of group) {
      this.#records++;
      if (record.kind === "create") this.#create(record, placed);
      else if (record.kind === "append") this.#append(record, placed);
      else if (record.kind === "delete") this.#delete(record, placed);
      else if (record.kind === "snapshot") this.#snapshot(record, placed);
      else if (record.kind === "compaction") this.#compaction(record, placed);
      else if (record.kind === "subscription") this.#subscriptions.take(record, placed);
      else this.#change(record, placed);
    }
  }

  /** What came of it, once all records were taken: by then a delete explains each that is missing. */
  finish(): ReplayResult {
    this.#applyGroup();
    const [unknown] = this.#unknown;
    if (unknown !== undefined) {
      const [id, placed] = unknown;
      throw mismatch(placed, `a row of stream ${id}, or its creation before`, "neither");
    }
    this.#subscriptions.finish();
    const filesToQuarantine = new Set(this.#subscriptions.filesToQuarantine);
    for (const paths of this.#unreadable.values()) {
      for (const path of paths) filesToQuarantine.add(path);
    }
    return {
      records: this.#records,
      greatestId: this.#greatestId,
      filesToQuarantine: [...filesToQuarantine],
    };
  }

  #create(record: CreateRecord, placed: RecordLocation): void {
    const { cache, subscriptions } = this.#parts;
    const { id, name } = record;
    // Here and below also where the stream's row has it: the subscriptions' rows needn't.
    const tail = (record.fork?.point ?? 0) + record.data.length;
    const { earliest = 0 } = record;
    if (tail > earliest) subscriptions.registry.appended({ id, name }, earliest, placed.lsn);
    if (id <= this.#parts.greatestRowId || cache.isKnown(id)) {
      const stored = this.#load(id, placed);
      if (stored !== undefined) {
        if (stored.lsn >= placed.lsn) return;
        throw mismatch(placed, "an id that was never used", `the creation of stream ${id}`);
      }
      if (this.#unreadable.has(id)) return;
    }
    const stream = streamFromRecord(record);
    applyCreate(stream, record);
    // A source that is gone already goes with a delete that follows, or is missing: reads say so then.
    const source = record.fork && this.#load(record.fork.sourceId, placed);
    if (source !== undefined) source.forkCount++;
    cache.add(stream);
    this.#advance(stream, placed.lsn);
  }

  #append(record: AppendRecord, placed: RecordLocation): void {
    const { id, producer } = record;
    const stream = this.#load(id, placed);
    if (stream === undefined) return this.#noteAbsent(id, placed);
    if (record.data.length > 0) {
      this.#parts.subscriptions.registry.appended(stream, record.start, placed.lsn);
    }
    if (stream.lsn >= placed.lsn) return;
    if (record.start !== stream.tail) {
      throw mismatch(
        placed,
        `an append to stream ${id} at its tail, ${stream.tail}`,
        `one at ${record.start}`,
      );
    }
    if (producer !== undefined) {
      this.#loadProducer(stream, producer.id, producer);
      stream.markProducer(producer.id);
    }
    applyAppend(stream, record);
    this.#advance(stream, placed.lsn);
  }

  #snapshot(record: SnapshotRecord, placed: RecordLocation): void {
    const { id, snapshot } = record;
    // Its number is of the same numbers as ids, and never used again.
    this.#greatestId = Math.max(this.#greatestId, snapshot?.number ?? 0);
    const stream = this.#load(id, placed);
    if (stream === undefined) return this.#noteAbsent(id, placed);
    if (stream.lsn >= placed.lsn) return;
    applySnapshot(stream, record, placed.lsn);
    this.#advance(stream, placed.lsn);
  }

  #change(record: TrimRecord | PoliciesRecord, placed: RecordLocation): void {
    const stream = this.#load(record.id, placed);
    if (stream === undefined) return this.#noteAbsent(record.id, placed);
    if (record.kind === "trim") {
      const { earliest } = record;
      if (earliest > stream.tail) {
        throw mismatch(
          placed,
          `a trim of stream ${record.id} up to its tail at most, ${stream.tail}`,
          `one up to ${earliest}`,
        );
      }
      // Also where the row has it: the subscriptions' rows needn't. It had that tail, or a later one has it.
      const { registry } = this.#parts.subscriptions;
      registry.trimmed(record.id, earliest, earliest === stream.tail, placed.lsn);
      // Nor does it say whether the checkpoint that stored it let go of all that it could.
      this.#parts.cache.release(stream);
    }
    if (stream.lsn >= placed.lsn) return;
    if (record.kind === "policies") applyPolicies(stream, record);
    else applyTrim(stream, record);
    this.#advance(stream, placed.lsn);
  }

  #compaction(record: CompactionRecord, placed: RecordLocation): void {
    const { id } = record;
    const stream = this.#load(id, placed);
    if (stream === undefined) return this.#noteAbsent(id, placed);
    if (stream.lsn >= placed.lsn) return;
    const segments = record.segments.map((segment) => ({ streamId: id, ...segment }));
    const old = this.#isRepaired(segments) ? [] : record.old.map(({ base, generation }) => {
      const segment = stream.changedSegments.get(base) ?? this.#storedSegment(id, base);
      if (segment?.base === base && segment.generation === generation) return segment;
      throw mismatch(
        placed,
        `a segment of stream ${id} from ${base} on, of generation ${generation}`,
        segment === undefined ? "none" : `generation ${segment.generation}`,
      );
    });
    // All that was looked at had its rows.
    stream.replaceSegments(old, segments, stream.buffer.start);
    this.#advance(stream, placed.lsn);
  }

  /** Whether a repair has made rows of a compaction's files already, in the place of others that were lost. */
  #isRepaired(segments: readonly SegmentRow[]): boolean {
    return segments.every(({ streamId, base, end, generation }) => {
      const stored = this.#storedSegment(streamId, base);
      return stored?.base === base && stored.end === end && stored.generation === generation;
    });
  }

  #storedSegment(id: number, base: number): SegmentRow | undefined {
    return this.#parts.catalog.segmentAt(id, base);
  }

  #delete(record: DeleteRecord, placed: RecordLocation): void {
    const { cache, damaged, subscriptions } = this.#parts;
    const streams: FileStream[] = [];
    for (const id of record.ids) {
      subscriptions.registry.removed(id, placed.lsn);
      const stream = this.#load(id, placed);
      if (stream !== undefined) {
        if (stream.lsn < placed.lsn) streams.push(stream);
      } else if (record.soft) {
        this.#noteAbsent(id, placed);
      } else {
        cache.dirty.addDeletedUnread(id);
        damaged.forget(id);
        this.#unknown.delete(id);
        this.#unreadable.delete(id);
      }
    }
    applyDelete(streams, record.soft, ({ fork }) => fork && this.#load(fork.sourceId, placed));
    for (const stream of streams) {
      if (record.soft) this.#advance(stream, placed.lsn);
      else cache.remove(stream);
      // What a source has kept for it may go.
      cache.release(stream);
    }
  }

  #noteAbsent(id: number, placed: RecordLocation): void {
    if (!this.#unreadable.has(id) && !this.#unknown.has(id)) this.#unknown.set(id, placed);
  }

  #advance(stream: FileStream, lsn: number): void {
    stream.lsn = lsn;
    stream.publish(stream.tail, stream.closed);
    stream.showTrim();
    stream.showPolicies();
    // When it was to be looked at for its retention isn't in the log: at once, when its row is stored.
    if (stream.policies?.retention !== undefined) stream.storedTrimsAtMs = 0;
    this.#parts.cache.markDirty(stream);
  }

  /** The stream of this id; one whose row can't be read is set aside, and its records with it. */
  #load(id: number, { path }: RecordLocation): FileStream | undefined {
    try {
      return this.#parts.cache.loadIfThere(id);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#parts.damaged.add({ id, name: undefined, reason: error.message });
      const paths = this.#unreadable.get(id) ?? new Set();
      this.#unreadable.set(id, paths.add(path));
      return undefined;
    }
  }

  /** Where a producer's row can't be read, the record says what has to be in it. */
  #loadProducer(
    stream: FileStream,
    producerId: string,
    { epoch, seq }: { epoch: number; seq: number },
  ): void {
    try {
      this.#parts.cache.producer(stream, producerId);
    } catch (error) {
      if (!isDamage(error)) throw error;
      stream.producers.set(producerId, { epoch, seq });
    }
  }
}

function idsOf(record: LogRecord): number | readonly number[] {
  return record.kind === "delete" ? record.ids : record.id;
}

function decode(bytes: LoggedRecord["bytes"], placed: RecordLocation): LogRecord {
  try {
    return decodeRecord(bytes);
  } catch {
    throw mismatch(
      placed,
      "a create, an append, a delete or one of a subscription",
      `${bytes.length} bytes that are none`,
    );
  }
}
