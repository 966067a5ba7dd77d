import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { pause } from "../cluster/pause.ts";
import type { Publisher } from "../cluster/publisher.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { toStreamError, unreachable } from "../cluster/unreachable.ts";
import { MalformedFrame } from "../format/binary.ts";
import {
  bodyChecksum,
  decodeSnapshotPart,
  encodeSnapshotPart,
  SNAPSHOT_PART_OVERHEAD_BYTES,
  type StoredSnapshot,
} from "../format/kept_snapshot.ts";
import type { JetStream } from "../jetstream.ts";
import type { NatsStream } from "../streams/nats_stream.ts";
import { damaged } from "../streams/stream_loader.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** So many parts of a body are on their way at once. */
const AT_ONCE = 4;
/** The header of each part, by which who sweeps finds the stream. */
export const SNAPSHOT_OF_HEADER = "Ds-Snapshot-Of";
/** Whom a part is asked from, one after the other, as long as it isn't there as it was written. */
const ATTEMPTS = [{ byLeader: false }, { byLeader: true }] as const;

/** So often is a part sent anew that was refused though nobody else writes there, each time after a pause. */
const MOST_REFUSALS = 5;
const REFUSED_PAUSE_MS = 100;

/** What a {@link SnapshotBodies} works on. */
export interface BodiesParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly publisher: Publisher;
}

/** Where a body is. */
export type WrittenBody = Pick<StoredSnapshot, "crc32" | "parts" | "firstSequence">;

/** The bodies of snapshots: messages that never change, under subjects that no other body ever has. */
export class SnapshotBodies {
  readonly #parts: BodiesParts;
  readonly #running = new Set<Promise<void>>();

  constructor(parts: BodiesParts) {
    this.#parts = parts;
  }

  /**
   * Writes a body, of which nobody knows yet.
   *
   * @param number no other body ever had it
   * @throws {StreamError} `storage_unreachable`, `storage_full`, `storage_failed`
   */
  async write(stream: NatsStream, number: number, body: Bytes): Promise<WrittenBody> {
    const { jetStream } = this.#parts;
    const partBytes = jetStream.messageLimitBytes - SNAPSHOT_PART_OVERHEAD_BYTES;
    const parts = Math.max(1, Math.ceil(body.length / partBytes));
    const put = (index: number) => {
      const data = body.subarray(index * partBytes, (index + 1) * partBytes);
      return this.#put(stream, { number, index, parts, data });
    };
    // By its sequence the whole body is judged, so that nothing of it may come before.
    const firstSequence = await put(0);
    await inLanes(parts - 1, (index) => put(index + 1));
    return { crc32: bodyChecksum(body), parts, firstSequence };
  }

  /**
   * A body as it was written; `undefined` where the leader doesn't have all of it.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async read(stream: NatsStream, snapshot: StoredSnapshot): Promise<Bytes | undefined> {
    const found: (Bytes | undefined)[] = Array.from({ length: snapshot.parts });
    await inLanes(snapshot.parts, async (index) => {
      found[index] = await this.#read(stream, snapshot, index);
    });
    const parts = found.filter((data) => data !== undefined);
    if (parts.length < snapshot.parts) return undefined;
    const body = concatBytes(parts);
    if (body.length !== snapshot.bytes || bodyChecksum(body) !== snapshot.crc32) {
      throw damaged(stream.name, `the body of its snapshot ${snapshot.number} isn't what was kept`);
    }
    return body;
  }

  /** Lets go of a body that no message of its stream names, nor ever will; without anyone waiting for it. */
  discard(stream: NatsStream, number: number): void {
    this.#purge(stream, number, Number.MAX_SAFE_INTEGER - 1);
  }

  /** Lets go of all bodies of a stream that begin before one that it names from now on. */
  discardBefore(stream: NatsStream, firstSequence: number): void {
    this.#purge(stream, "*", firstSequence - 1);
  }

  /** Waits for what goes on by itself. */
  async flush(): Promise<void> {
    await Promise.all(this.#running);
  }

  #purge({ name, shard, id }: NatsStream, number: number | "*", upToSequence: number): void {
    const { jetStream, subjects } = this.#parts;
    const running = jetStream
      .purge(subjects.dataLog(shard), subjects.keptParts(shard, id, number), upToSequence)
      .catch((error) => {
        // The next snapshot of the stream takes it along, or who walks over what is left.
        logger.debug("What snapshots of {name} leave stays for now: {error}", { name, error });
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Stores a part; its sequence. */
  async #put(
    { shard, id, name }: NatsStream,
    part: { number: number; index: number; parts: number; data: Bytes },
  ): Promise<number> {
    const { clock, subjects, publisher } = this.#parts;
    const message = {
      log: subjects.dataLog(shard),
      subject: subjects.keptPart(shard, id, part.number, part.index),
      payload: encodeSnapshotPart({ streamId: id, ...part }),
      expectedSequence: 0,
      headers: { [SNAPSHOT_OF_HEADER]: encodeURIComponent(name) },
    };
    for (let refusals = 0; refusals < MOST_REFUSALS; refusals++) {
      const published = await publisher.publish([message]);
      if (published.kind === "failed") throw published.error;
      // Nobody else writes to this subject: what is there is an earlier attempt.
      const { kind } = published;
      const sequence = kind === "stored" ? published.sequence : published.lastSequence ?? 0;
      if (sequence > 0) return sequence;
      await pause(clock, REFUSED_PAUSE_MS);
    }
    throw unreachable("a part of the snapshot is neither there nor taken.");
  }

  async #read(
    { shard, id, name }: NatsStream,
    snapshot: StoredSnapshot,
    index: number,
  ): Promise<Bytes | undefined> {
    const { jetStream, subjects } = this.#parts;
    const { number, parts, firstSequence } = snapshot;
    let fault: string | undefined;
    for (const { byLeader } of ATTEMPTS) {
      try {
        const [stored] = await jetStream.messages({
          log: subjects.dataLog(shard),
          subject: subjects.keptPart(shard, id, number, index),
          fromSequence: firstSequence,
          limit: 1,
          limitBytes: jetStream.messageLimitBytes,
          byLeader,
        });
        if (stored === undefined) {
          fault = undefined;
          continue;
        }
        const part = decodeSnapshotPart(stored.payload);
        const isIt = part.streamId === id && part.number === number && part.index === index &&
          part.parts === parts;
        if (isIt) return part.data;
        fault = `it is part ${part.index} of ${part.parts} of ${part.number}`;
      } catch (error) {
        if (!(error instanceof MalformedFrame)) throw toStreamError(error);
        fault = error.message;
      }
    }
    if (fault === undefined) return undefined;
    throw damaged(name, `part ${index} of its snapshot ${number} is malformed: ${fault}`);
  }
}

/** Does so many things, a few at once; after the first that fails no other begins. */
async function inLanes(count: number, run: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      try {
        await run(next++);
      } catch (error) {
        next = count;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, count) }, lane));
  for (const outcome of lanes) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}
