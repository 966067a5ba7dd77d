import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import { quote, StreamError } from "../../../protocol/errors.ts";
import { MalformedFrame } from "../format/binary.ts";
import { misfit } from "./fold.ts";
import type { Folder } from "./folder.ts";
import type { ClusterHealth } from "../cluster/cluster_health.ts";
import { FreshQuestion } from "../cluster/fresh_question.ts";
import { type JetStream, JetStreamError } from "../jetstream.ts";
import type { NameRecord } from "../format/name_record.ts";
import { NatsStream } from "./nats_stream.ts";
import { pause } from "../cluster/pause.ts";
import { decodeSnapshot, type StreamSnapshot } from "../format/snapshot.ts";
import { readMessage } from "../cluster/stored_messages.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { toStreamError } from "../cluster/unreachable.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

const BATCH_MESSAGES = 512;
const BATCH_BYTES = 1024 * 1024;
/**
 * A read that doesn't fit is tried once from any replica, which most often is only behind, then from the
 * leader: at once, then after a wait.
 */
const TRIES_BY_ANY = 1;
const TRIES_BY_LEADER = 4;
const RETRY_MS = 50;
/** A leader that was just elected, or isn't one any more and doesn't know it, may be behind for a while. */
const BEHIND_RETRIES_MS = [0, 100, 400, 1600];

/** What a {@link StreamLoader} works on. */
export interface LoaderParts {
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly clock: Clock;
  readonly folder: Folder;
  readonly health: ClusterHealth;
  /** Whether the newest record of a stream's name is that stream's: asked of the leader. */
  isNamed(stream: NatsStream): Promise<boolean>;
}

interface Tail {
  /** What was known when the question went out. */
  readonly sentSequence: number;
  readonly lastSequence: number;
}

/** Loads streams and brings them up to their newest message, checking that none is left out. */
export class StreamLoader {
  readonly #parts: LoaderParts;
  readonly #tails = new WeakMap<NatsStream, FreshQuestion<Tail>>();
  readonly #running = new WeakMap<NatsStream, Promise<void>>();

  constructor(parts: LoaderParts) {
    this.#parts = parts;
  }

  /**
   * The stream of a name's record as of a moment after the call, without its sources; `undefined` where its
   * subject has no message.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async load(record: NameRecord, nameSequence: number): Promise<NatsStream | undefined> {
    const { jetStream, subjects } = this.#parts;
    const { id, shard } = record;
    try {
      const ask = () => jetStream.lastSequence(subjects.dataLog(shard), subjects.data(shard, id));
      const [first, snapshot] = await Promise.all([ask(), this.#snapshot(record)]);
      let last = first;
      if (last === 0) return undefined;
      // The snapshot may be of a later moment than the answer.
      if (snapshot !== undefined && snapshot.state.sequence > last) last = await ask();
      if (snapshot !== undefined && snapshot.state.sequence > last) {
        // It was made from acknowledged messages: such have been lost.
        throw damaged(
          record.name,
          `its snapshot includes message ${snapshot.state.sequence}, and ` +
            `the newest one that the cluster still has is ${last}`,
        );
      }
      const stream = new NatsStream(record, nameSequence, snapshot?.state);
      stream.snapshotSequence = snapshot?.sequence ?? 0;
      await this.catchUp(stream, last);
      return stream;
    } catch (error) {
      throw toStreamError(error);
    }
  }

  /**
   * Makes sure that a stream's state is of a moment after the call.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async confirm(stream: NatsStream): Promise<void> {
    for (const delayMs of BEHIND_RETRIES_MS) {
      if (delayMs > 0) await pause(this.#parts.clock, delayMs);
      if (stream.lifecycle === "deleted") return;
      const { sentSequence, lastSequence } = await this.#askTail(stream);
      if (lastSequence > stream.sequence) return await this.catchUp(stream, lastSequence);
      if (lastSequence >= sentSequence) return;
      // There is less than there was. What is gone for good may have left nothing, but then its name isn't
      // its own any more: that is given away before the last message goes.
      if (await this.#hasLostName(stream)) return;
    }
    throw damaged(
      stream.name,
      `the cluster had its message ${stream.sequence}, and has lost it`,
    );
  }

  /**
   * Reads and folds what came after a stream's newest message, at least up to a sequence.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async catchUp(stream: NatsStream, sequence: number): Promise<void> {
    while (stream.sequence < sequence && stream.lifecycle !== "deleted") {
      let running = this.#running.get(stream);
      if (running === undefined) {
        running = this.#run(stream, sequence).finally(() => this.#running.delete(stream));
        this.#running.set(stream, running);
      }
      await running;
    }
  }

  /**
   * Brings a stream forward by its newest snapshot, if that is ahead of it, without what came before that.
   *
   * @param limit the newest sequence that it may be brought to, asked for when the snapshot is there
   * @throws {StreamError} `storage_unreachable`
   */
  async jump(stream: NatsStream, limit: () => number): Promise<void> {
    try {
      const snapshot = await this.#snapshot(stream);
      if (snapshot === undefined || snapshot.state.sequence > limit()) return;
      this.#parts.folder.jump(stream, snapshot.state, snapshot.sequence);
    } catch (error) {
      throw toStreamError(error);
    }
  }

  #askTail(stream: NatsStream): Promise<Tail> {
    let question = this.#tails.get(stream);
    if (question === undefined) {
      const { jetStream, subjects } = this.#parts;
      const log = subjects.dataLog(stream.shard);
      const subject = subjects.data(stream.shard, stream.id);
      question = new FreshQuestion(async () => {
        const sentSequence = stream.sequence;
        try {
          return { sentSequence, lastSequence: await jetStream.lastSequence(log, subject) };
        } catch (error) {
          if (error instanceof JetStreamError) this.#parts.health.fail(error.message);
          throw toStreamError(error);
        }
      });
      this.#tails.set(stream, question);
    }
    return question.ask();
  }

  async #run(stream: NatsStream, sequence: number): Promise<void> {
    const { jetStream, subjects, clock } = this.#parts;
    let fault = "no message follows";
    for (let tries = 0; tries < TRIES_BY_ANY + TRIES_BY_LEADER;) {
      if (stream.sequence >= sequence || stream.lifecycle === "deleted") return;
      if (tries > TRIES_BY_ANY) await pause(clock, RETRY_MS * tries);
      const before = stream.sequence;
      try {
        const messages = await jetStream.messages({
          log: subjects.dataLog(stream.shard),
          subject: subjects.data(stream.shard, stream.id),
          fromSequence: before + 1,
          limit: BATCH_MESSAGES,
          limitBytes: BATCH_BYTES,
          byLeader: tries >= TRIES_BY_ANY,
        });
        fault = this.#foldAll(stream, messages) ?? `no message follows ${stream.sequence}`;
      } catch (error) {
        throw toStreamError(error);
      }
      const isBehind = stream.sequence === before && tries >= TRIES_BY_ANY;
      if (isBehind) await this.#jumpOverPurged(stream);
      tries = stream.sequence > before ? 0 : tries + 1;
    }
    if (await this.#hasLostName(stream)) return;
    logger.error("The stream {name} is damaged: {fault}", { name: stream.name, fault });
    throw damaged(stream.name, `${fault}, and message ${sequence} has been stored`);
  }

  /**
   * Brings a stream forward by its newest snapshot, if that says that what comes next may be gone.
   *
   * @throws {StreamError} `storage_unreachable`
   */
  async #jumpOverPurged(stream: NatsStream): Promise<void> {
    try {
      const snapshot = await this.#snapshot(stream, true);
      if (snapshot === undefined) return;
      const { state, sequence } = snapshot;
      if (stream.sequence >= (state.retention?.purgedUpTo ?? 0)) return;
      this.#parts.folder.jump(stream, state, sequence, true);
    } catch (error) {
      throw toStreamError(error);
    }
  }

  /** Whether a stream's name was given away, for which it has to be gone; then it is known to be. */
  async #hasLostName(stream: NatsStream): Promise<boolean> {
    if (await this.#parts.isNamed(stream)) return false;
    stream.lifecycle = "deleted";
    stream.notify();
    return true;
  }

  /** What is wrong with the first one that doesn't fit: those before it are folded. */
  #foldAll(
    stream: NatsStream,
    messages: Awaited<ReturnType<JetStream["messages"]>>,
  ): string | undefined {
    for (const stored of messages) {
      // Folded meanwhile, when its own acknowledgement came.
      if (stored.sequence <= stream.sequence) continue;
      const { sequence, message, fault } = readMessage(stored);
      if (message === undefined) return fault;
      const misfits = misfit(stream, message);
      if (misfits !== undefined) return misfits;
      this.#parts.folder.fold(stream, message, sequence);
    }
    return undefined;
  }

  async #snapshot(
    { id, shard, name }: Pick<NameRecord, "id" | "shard" | "name">,
    byLeader = false,
  ): Promise<{ state: StreamSnapshot; sequence: number } | undefined> {
    const { jetStream, subjects } = this.#parts;
    const [stored] = await jetStream.messages({
      log: subjects.dataLog(shard),
      subject: subjects.snapshot(shard, id),
      fromSequence: 1,
      limit: 1,
      limitBytes: BATCH_BYTES,
      byLeader,
    });
    if (stored === undefined) return undefined;
    try {
      const state = decodeSnapshot(stored.payload);
      if (state.id !== id) throw new MalformedFrame(`it is that of stream ${state.id}`);
      return { state, sequence: stored.sequence };
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      // All that it says is in the messages, too, as far as none of them were removed.
      logger.error("The snapshot of {name} is malformed: {fault}", { name, fault: error.message });
      return undefined;
    }
  }
}

/** The error for a stream whose messages don't make up a whole. */
export function damaged(name: string, fault: string): StreamError {
  return new StreamError(
    { code: "damaged" },
    `The stream ${quote(name)} is damaged: ${fault}.`,
  );
}
