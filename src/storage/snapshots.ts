import type { Clock } from "../env/clock.ts";
import type { FileSlice } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { spaceAt } from "../protocol/offset.ts";
import type { Admission } from "./admission.ts";
import { applySnapshot } from "./apply.ts";
import { checkUndamaged } from "./decide.ts";
import { type Journal, NO_OTHERS } from "./journal.ts";
import type { OffsetSpaces } from "./offset_spaces.ts";
import type { Quotas } from "./quotas.ts";
import type { RangeReader } from "./range_reader.ts";
import type { LoggedSnapshot, SnapshotRecord } from "./records.ts";
import {
  checkSnapshotPosition,
  noSnapshot,
  replacedStream,
  snapshotPosition,
  SnapshotRoom,
} from "./snapshot_checks.ts";
import type {
  KeptSnapshot,
  ReadSnapshot,
  SnapshotInfo,
  SnapshotRef,
  SnapshotSpec,
  SnapshotStore,
} from "./snapshot_store.ts";
import type { Stream } from "./stream.ts";
import type { Streams } from "./streams.ts";

/** A content type, and what a record has beside it: so much of the journal a snapshot takes. */
const RECORD_BYTES = 512;

/** Where the bodies of snapshots are kept, and which snapshot a stream has. */
export interface SnapshotBodies<S extends Stream = Stream> {
  /**
   * The snapshot that a stream has; afterwards it is in `stream.keptSnapshot`.
   *
   * @throws {StreamError} `damaged`
   */
  find(stream: S): SnapshotRef | undefined;
  /**
   * Keeps a body; resolves to its CRC-32 once it is durable.
   *
   * @throws {StreamError} `storage_full`, `overloaded`
   */
  write(streamId: number, number: number, body: Bytes): Promise<number>;
  /**
   * A body as it was written; `undefined` where it is gone.
   *
   * @param mayBeSlice as in `SnapshotStore.get`
   * @throws {StreamError} `damaged`
   */
  read(
    streamId: number,
    ref: SnapshotRef,
    mayBeSlice: boolean,
  ): Promise<Bytes | FileSlice | undefined>;
  /** A body that no record names: it may go at once. */
  discard(streamId: number, number: number): void;
  /** A body that no state names once a record is stored: it may go then. */
  release(streamId: number, ref: SnapshotRef, lsn: number): void;
}

/** What {@link Snapshots} work on: parts of the engine, and its look-ups. */
export interface SnapshotsParts<S extends Stream> {
  readonly clock: Clock;
  readonly admission: Admission;
  readonly journal: Journal<S>;
  readonly streams: Pick<Streams<S>, "newId" | "markDirty">;
  readonly spaces: OffsetSpaces;
  readonly reader: RangeReader;
  readonly bodies: SnapshotBodies<S>;
  /** Unless there are none. */
  quotas(): Quotas | undefined;
  /** The stream of this name as commands see it. */
  find(name: string): S | undefined;
  /** The stream of this name as readers see it. */
  visible(name: string): S | Promise<S>;
  /** The error for a name without a stream, once that is durable. */
  missing(name: string, stream: S | undefined): Promise<StreamError>;
  /** A stream was read or written. */
  accessed(stream: S): void;
  /** A stream has another snapshot than before, or none any more. */
  onChanged(stream: S): void;
}

/**
 * The snapshots of an engine's streams. A body is kept first, then the command is decided, recorded and
 * applied, with nothing in between; what the body took the place of goes once the record is stored.
 */
export class Snapshots<S extends Stream> implements SnapshotStore {
  readonly #parts: SnapshotsParts<S>;
  readonly #room = new SnapshotRoom("written");

  constructor(parts: SnapshotsParts<S>) {
    this.#parts = parts;
  }

  async put(name: string, spec: SnapshotSpec): Promise<KeptSnapshot> {
    const { bodies, admission, journal, streams, find, missing } = this.#parts;
    for (let gate; (gate = admission.admit("write", RECORD_BYTES));) await gate;
    const stream = find(name);
    if (stream?.lifecycle !== "there") throw await missing(name, stream);
    const { body, contentType } = spec;
    const { position, crc32, number } = await this.#durably(stream, async () => {
      const position = await this.#positionIn(stream, spec);
      this.#check(stream, position, body.length);
      const number = streams.newId();
      return { position, number, crc32: await this.#write(stream.id, number, body) };
    });
    let kept: Kept;
    try {
      for (let gate; (gate = admission.admit("write", RECORD_BYTES));) await gate;
      const snapshot = { number, position, contentType, bytes: body.length, crc32 };
      // Decided again after the wait: the stream may be gone by now, or have a newer one.
      kept = this.#keep(name, stream, snapshot);
    } catch (error) {
      bodies.discard(stream.id, number);
      await journal.durable(journal.assignedLsn);
      throw error;
    }
    await journal.durable(kept.lsn);
    return kept.info;
  }

  get(name: string): Promise<ReadSnapshot<Bytes>>;
  get(name: string, mayBeSlice: boolean): Promise<ReadSnapshot>;
  async get(name: string, mayBeSlice = false): Promise<ReadSnapshot> {
    const { bodies, accessed } = this.#parts;
    let missing: number | undefined;
    while (true) {
      const { stream, ref } = await this.#visible(name);
      accessed(stream);
      const body = await bodies.read(stream.id, ref, mayBeSlice);
      if (body !== undefined) return { ...this.#infoOf(stream, ref), body };
      // A newer one took its place meanwhile, unless it is lost.
      if (missing === ref.number) throw lostBody(name, ref);
      missing = ref.number;
    }
  }

  async head(name: string): Promise<SnapshotInfo> {
    const { stream, ref } = await this.#visible(name);
    return this.#infoOf(stream, ref);
  }

  async delete(name: string): Promise<void> {
    const { bodies, admission, journal, find, missing } = this.#parts;
    for (let gate; (gate = admission.admit("delete", 0));) await gate;
    const stream = find(name);
    if (stream?.lifecycle !== "there") throw await missing(name, stream);
    const ref = bodies.find(stream);
    if (ref === undefined) {
      await journal.durable(stream.lsn);
      throw noSnapshot(name);
    }
    const { lsn } = this.#record(stream, ref, undefined);
    await journal.durable(lsn);
  }

  /**
   * A stream is about to go: what it has goes with it.
   *
   * @param lsn of the record by which it goes
   */
  streamRemoved(stream: S, lsn: number): void {
    const { bodies, quotas } = this.#parts;
    let ref: SnapshotRef | undefined;
    try {
      ref = bodies.find(stream);
    } catch (error) {
      // Nobody knows what it has: the next start finds the file.
      if (!(error instanceof StreamError)) throw error;
    }
    if (ref === undefined) return;
    quotas()?.changed(stream, -ref.bytes);
    bodies.release(stream.id, ref, lsn);
  }

  /** A stream and its snapshot, both durable. */
  async #visible(name: string): Promise<{ stream: S; ref: SnapshotRef }> {
    const { bodies, journal, visible } = this.#parts;
    const stream = await visible(name);
    const ref = bodies.find(stream);
    if (ref === undefined) {
      await journal.durable(stream.lsn);
      throw noSnapshot(name);
    }
    await journal.durable(ref.lsn);
    return { stream, ref };
  }

  #write(streamId: number, number: number, body: Bytes): Promise<number> {
    const { bodies } = this.#parts;
    return this.#room.within(body.length, () => bodies.write(streamId, number, body));
  }

  /** Where the state that an error rests on never becomes durable, that is the answer instead. */
  async #durably<T>(stream: S, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      await this.#parts.journal.durable(stream.lsn);
      throw error;
    }
  }

  /** The position that a snapshot is of. */
  #positionIn(stream: S, spec: SnapshotSpec): number | Promise<number> {
    const { reader, spaces } = this.#parts;
    return snapshotPosition(reader, spaces.of(stream), stream, spec);
  }

  /** Whether a snapshot of this position may take the place of what the stream has. */
  #check(stream: S, position: number, bytes: number): void {
    const { bodies, quotas, spaces } = this.#parts;
    checkUndamaged(stream);
    const kept = bodies.find(stream);
    checkSnapshotPosition(stream, kept?.position, position, spaces.of(stream));
    quotas()?.checkSnapshot(stream, bytes - (kept?.bytes ?? 0));
  }

  /**
   * Checks and records, with nothing in between.
   *
   * @param written the stream that it was written for
   */
  #keep(name: string, written: S, snapshot: LoggedSnapshot): Kept {
    const { bodies, find } = this.#parts;
    const stream = find(name);
    if (stream?.id !== written.id || stream.lifecycle !== "there") throw replacedStream(name);
    this.#check(stream, snapshot.position, snapshot.bytes);
    const before = bodies.find(stream);
    const { lsn, atMs } = this.#record(stream, before, snapshot);
    const info = this.#infoOf(stream, { ...snapshot, atMs });
    return { lsn, info: { ...info, isFirst: before === undefined } };
  }

  /** Records what becomes of a stream's snapshot. */
  #record(
    stream: S,
    before: SnapshotRef | undefined,
    snapshot: LoggedSnapshot | undefined,
  ): { readonly lsn: number; readonly atMs: number } {
    const { bodies, clock, journal, streams, quotas, onChanged } = this.#parts;
    const atMs = clock.nowMs();
    const record: SnapshotRecord = { kind: "snapshot", id: stream.id, atMs, snapshot };
    const { tail, closed, buffer: { messages } } = stream;
    const lsn = journal.append(record, { stream, tail, closed, messages, others: NO_OTHERS });
    stream.lsn = lsn;
    applySnapshot(stream, record, lsn);
    streams.markDirty(stream);
    quotas()?.changed(stream, (snapshot?.bytes ?? 0) - (before?.bytes ?? 0));
    if (before !== undefined) bodies.release(stream.id, before, lsn);
    onChanged(stream);
    return { lsn, atMs };
  }

  #infoOf(stream: S, { number, position, atMs, contentType, bytes }: InfoFields): SnapshotInfo {
    const space = spaceAt(this.#parts.spaces.of(stream), position);
    return { streamId: stream.id, number, space, position, atMs, contentType, bytes };
  }
}

/** A snapshot that was recorded. */
interface Kept {
  readonly lsn: number;
  readonly info: KeptSnapshot;
}

type InfoFields = Omit<SnapshotRef, "crc32" | "lsn">;

function lostBody(name: string, { number }: SnapshotRef): StreamError {
  return new StreamError(
    { code: "damaged" },
    `The file of snapshot ${number} of the stream ${quote(name)} is missing.`,
  );
}
