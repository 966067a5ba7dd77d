import type { Clock } from "../../../env/clock.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { quote, StreamError } from "../../../protocol/errors.ts";
import { spaceAt } from "../../../protocol/offset.ts";
import { checkUndamaged } from "../../decide.ts";
import type { OffsetSpaces } from "../../offset_spaces.ts";
import type { RangeReader } from "../../range_reader.ts";
import {
  checkSnapshotPosition,
  noSnapshot,
  replacedStream,
  snapshotPosition,
  SnapshotRoom,
} from "../../snapshot_checks.ts";
import type {
  KeptSnapshot,
  ReadSnapshot,
  SnapshotInfo,
  SnapshotSpec,
  SnapshotStore,
} from "../../snapshot_store.ts";
import type { Ids } from "../cluster/ids.ts";
import { pause } from "../cluster/pause.ts";
import type { StoredSnapshot } from "../format/kept_snapshot.ts";
import type { NatsStream } from "../streams/nats_stream.ts";
import type { StreamLoader } from "../streams/stream_loader.ts";
import { damaged } from "../streams/stream_loader.ts";
import type { StreamQueue } from "../streams/stream_queue.ts";
import type { SnapshotBodies } from "./snapshot_bodies.ts";

/** So often is a body written anew since another one that begins later was kept meanwhile. */
const MOST_ATTEMPTS = 20;
/** A leader that was just elected may be behind for a while. */
const MISSING_RETRIES_MS = [0, 100, 400, 1600];

/** What {@link KeptSnapshots} work on. */
export interface KeptSnapshotsParts {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly loader: StreamLoader;
  readonly spaces: OffsetSpaces;
  readonly reader: RangeReader;
  readonly bodies: SnapshotBodies;
  /** The stream of a name as of a moment after the call, which can be read and written. */
  find(name: string): Promise<NatsStream>;
  /** What is written to a stream. */
  queueOf(stream: NatsStream): StreamQueue;
  /** A stream was used. */
  accessed(stream: NatsStream): void;
}

/**
 * The snapshots of streams in the cluster. A body is written first, under subjects of its own; then a message
 * of the stream makes it the current one, at the place that the stream's other messages leave it; what it took
 * the place of goes last. Whatever comes to an end in between leaves the old one or the new one.
 *
 * No body is taken away that may still become current, without any clock: each such message says from which
 * sequence on bodies may begin that later ones name, and only what begins before that is taken away.
 */
export class KeptSnapshots implements SnapshotStore {
  readonly #parts: KeptSnapshotsParts;
  readonly #writing = new SnapshotRoom("written");
  readonly #reading = new SnapshotRoom("read");

  constructor(parts: KeptSnapshotsParts) {
    this.#parts = parts;
  }

  async put(name: string, spec: SnapshotSpec): Promise<KeptSnapshot> {
    const { find } = this.#parts;
    return await this.#writing.within(spec.body.length, async () => {
      let written: NatsStream | undefined;
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        const stream = await find(name);
        if (written !== undefined && written.id !== stream.id) throw replacedStream(name);
        written = stream;
        const kept = await this.#put(stream, spec);
        if (kept !== undefined) return kept;
      }
      throw new StreamError(
        { code: "overloaded" },
        `Others keep snapshots of ${quote(name)} all the time. Try again.`,
      );
    });
  }

  get(name: string): Promise<ReadSnapshot<Bytes>>;
  get(name: string, mayBeSlice: boolean): Promise<ReadSnapshot>;
  async get(name: string): Promise<ReadSnapshot> {
    const { find, accessed, bodies, clock } = this.#parts;
    let missing: number | undefined;
    for (const delayMs of MISSING_RETRIES_MS) {
      for (;;) {
        const stream = await find(name);
        const { keptSnapshot: ref } = stream;
        if (ref === null) throw noSnapshot(name);
        accessed(stream);
        const body = await this.#reading.within(ref.bytes, () => bodies.read(stream, ref));
        if (body !== undefined) return { ...this.#infoOf(stream, ref), body };
        if (missing === ref.number) break;
        // A newer one took its place meanwhile, or it was deleted, unless it is lost.
        missing = ref.number;
      }
      if (delayMs > 0) await pause(clock, delayMs);
    }
    throw damaged(name, `parts of the body of its snapshot ${missing} are missing`);
  }

  async head(name: string): Promise<SnapshotInfo> {
    const stream = await this.#parts.find(name);
    if (stream.keptSnapshot === null) throw noSnapshot(name);
    return this.#infoOf(stream, stream.keptSnapshot);
  }

  async delete(name: string): Promise<void> {
    const { find, queueOf, bodies } = this.#parts;
    const stream = await find(name);
    let number = 0;
    const event = await queueOf(stream).record(() => {
      if (stream.lifecycle !== "there") return undefined;
      const { keptSnapshot, bodiesFrom } = stream;
      if (keptSnapshot === null) throw noSnapshot(name);
      number = keptSnapshot.number;
      return { kind: "snapshot", kept: { bodiesFrom, snapshot: undefined }, isUse: false };
    });
    if (event === undefined) throw replacedStream(name);
    bodies.discard(stream, number);
  }

  /** `undefined` where the body may have been taken away before it was named. */
  async #put(stream: NatsStream, spec: SnapshotSpec): Promise<KeptSnapshot | undefined> {
    const { ids, bodies } = this.#parts;
    const { body } = spec;
    const position = await this.#positionIn(stream, spec);
    this.#check(stream, position);
    const number = await ids.newId(stream.keptSnapshot?.number ?? 0);
    let mayBeNamed = false;
    try {
      const written = await bodies.write(stream, number, body);
      const { contentType } = spec;
      const named = { ...written, number, position, contentType, bytes: body.length };
      mayBeNamed = true;
      return await this.#name(stream, named);
    } catch (error) {
      // What may be stored yet, also later, may name it: then it stays, and is swept if it isn't named.
      const isOpen = mayBeNamed && error instanceof StreamError &&
        error.code === "storage_unreachable";
      if (!isOpen) bodies.discard(stream, number);
      throw error;
    }
  }

  /** Makes a body the current one. */
  async #name(
    stream: NatsStream,
    body: Omit<StoredSnapshot, "atMs">,
  ): Promise<KeptSnapshot | undefined> {
    const { clock, queueOf, bodies } = this.#parts;
    const { firstSequence, number } = body;
    /** What was kept when it was decided. */
    const before: { number?: number | undefined; bodiesFrom: number } = { bodiesFrom: 0 };
    const event = await queueOf(stream).record(() => {
      if (stream.lifecycle !== "there") return undefined;
      this.#check(stream, body.position);
      before.number = stream.keptSnapshot?.number;
      before.bodiesFrom = stream.bodiesFrom;
      if (firstSequence < stream.bodiesFrom) return undefined;
      const snapshot = { ...body, atMs: Math.max(clock.nowMs(), stream.lastAtMs) };
      return { kind: "snapshot", kept: { bodiesFrom: firstSequence, snapshot }, isUse: true };
    });
    if (event?.kind !== "snapshot" || event.kept.snapshot === undefined) {
      if (stream.lifecycle !== "there") throw replacedStream(stream.name);
      bodies.discard(stream, number);
      return undefined;
    }
    // The first one finds nothing, or else what the second one takes along.
    if (before.bodiesFrom > 0) bodies.discardBefore(stream, firstSequence);
    if (before.number !== undefined) bodies.discard(stream, before.number);
    return { ...this.#infoOf(stream, event.kept.snapshot), isFirst: before.number === undefined };
  }

  async #positionIn(stream: NatsStream, spec: SnapshotSpec): Promise<number> {
    const { reader, spaces, loader } = this.#parts;
    try {
      return await snapshotPosition(reader, spaces.of(stream), stream, spec);
    } catch (error) {
      if (!(error instanceof StreamError) || error.code !== "damaged") throw error;
      // What isn't there any more may have gone with the stream, while it was read.
      await loader.confirm(stream);
      throw stream.lifecycle === "deleted" ? replacedStream(stream.name) : error;
    }
  }

  /** Whether a snapshot of this position may take the place of what the stream has. */
  #check(stream: NatsStream, position: number): void {
    checkUndamaged(stream);
    const { keptSnapshot } = stream;
    const space = this.#parts.spaces.of(stream);
    checkSnapshotPosition(stream, keptSnapshot?.position, position, space);
  }

  #infoOf(stream: NatsStream, snapshot: StoredSnapshot): SnapshotInfo {
    const { number, position, atMs, contentType, bytes } = snapshot;
    const space = spaceAt(this.#parts.spaces.of(stream), position);
    return { streamId: stream.id, number, space, position, atMs, contentType, bytes };
  }
}
