import type { Clock } from "../../../env/clock.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { Journal } from "../../journal.ts";
import type { LogRecord } from "../../records.ts";
import { pause } from "../cluster/pause.ts";
import type { Published, Publisher } from "../cluster/publisher.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { toStreamError, unreachable } from "../cluster/unreachable.ts";
import {
  decodeSubscriptionMessage,
  encodeSubscriptionMessage,
  type LogEntry,
  PART_OVERHEAD_BYTES,
  type Positions,
  type SnapshotPlace,
  type SubscriptionMessage,
} from "../format/subscription_log.ts";
import type { JetStream, NewMessage } from "../jetstream.ts";

/** So many records go as one message at most. */
const GROUP_RECORDS = 1000;
/** Records that would make more than this wait aren't taken. */
const QUEUE_RECORDS = 100_000;
/** What a record waits at most for what has to be stored before it, in another log. */
const HOLD_MS = 1000;

/** What a {@link SubscriptionLog} works on. */
export interface LogParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly publisher: Publisher;
  /** This front end's number. */
  readonly owner: number;
  /** A number that no message of this front end's has had. */
  nextCount(): number;
  /** Up to where the data logs were looked at. */
  positions(): Positions;
  /** Nothing can be recorded any more. */
  onLost(): void;
}

interface Pending {
  readonly entry: LogEntry;
  readonly lsn: number;
}

/**
 * The log of the subscriptions, as its owner writes it: a message at a time, each with the sequence of the one
 * before it as its expectation. So nobody who isn't the owner any more gets a record in, whatever they
 * believe.
 */
export class SubscriptionLog implements Journal {
  /** How many messages were stored since the newest snapshot. */
  messagesSinceSnapshot = 0;
  readonly #parts: LogParts;
  #sequence: number;
  #pending: Pending[] = [];
  #assignedLsn: number;
  #durableLsn: number;
  readonly #recorded: Map<number, number>;
  readonly #waiting: { lsn: number; resolve: () => void; reject: (error: StreamError) => void }[] =
    [];
  readonly #holds = new Set<Promise<void>>();
  #isRunning = false;
  #error: StreamError | undefined;
  /** Called with the state that a message leaves, at the very moment in which nothing else is recorded. */
  #capture: ((upTo: Promise<number>) => void) | undefined;

  /**
   * @param sequence that of the newest message
   * @param lsn that of the newest record
   * @param recorded up to where the data logs were looked at by then
   */
  constructor(parts: LogParts, sequence: number, lsn: number, recorded: Positions) {
    this.#parts = parts;
    this.#sequence = sequence;
    this.#assignedLsn = lsn;
    this.#durableLsn = lsn;
    this.#recorded = new Map(recorded);
  }

  get assignedLsn(): number {
    return this.#assignedLsn;
  }

  /** That of the newest message. */
  get sequence(): number {
    return this.#sequence;
  }

  append(record: LogRecord): number {
    if (this.#error !== undefined) throw this.#error;
    if (record.kind !== "subscription") throw new Error("Streams have their own logs.");
    if (this.#pending.length >= QUEUE_RECORDS) {
      throw new StreamError({ code: "overloaded" }, "Too many changes of subscriptions wait.");
    }
    const lsn = ++this.#assignedLsn;
    const moved = this.#movedPositions();
    if (moved.size > 0) {
      this.#pending.push({ entry: { kind: "positions", positions: moved }, lsn });
    }
    this.#pending.push({ entry: { kind: "record", record }, lsn });
    this.#start();
    return lsn;
  }

  note(record: LogRecord): number {
    return this.append(record);
  }

  durable(lsn: number): Promise<void> | undefined {
    if (lsn <= this.#durableLsn) return undefined;
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => this.#waiting.push({ lsn, resolve, reject }));
  }

  isDurable(lsn: number): boolean {
    return lsn <= this.#durableLsn;
  }

  /** What is recorded from now on waits a while for this. */
  hold(until: Promise<unknown>): void {
    const { clock } = this.#parts;
    const end = () => {
      cancel();
      this.#holds.delete(hold);
    };
    const late = Promise.withResolvers<void>();
    const cancel = clock.setTimer(HOLD_MS, () => late.resolve());
    const hold: Promise<void> = Promise.race([until, late.promise]).then(end, end);
    this.#holds.add(hold);
  }

  /**
   * Calls `capture` when all that is recorded is in the messages that are stored or about to be, with the
   * sequence of the newest once that is stored.
   */
  captureNext(capture: (upTo: Promise<number>) => void): void {
    this.#capture = capture;
    this.#start();
  }

  /** Says where a snapshot is. */
  async point(snapshot: SnapshotPlace, upToSequence: number): Promise<void> {
    // Nothing comes between the last look and what follows.
    while (this.#isRunning) await pause(this.#parts.clock, 1);
    if (this.#error !== undefined) throw this.#error;
    this.#isRunning = true;
    try {
      await this.#store({ kind: "pointer", snapshot, upToSequence, ...this.#head() });
    } finally {
      this.#isRunning = false;
      this.#start();
    }
  }

  /** Lets go of the messages up to one, which a snapshot has. */
  async forget(upToSequence: number): Promise<void> {
    const { jetStream, subjects } = this.#parts;
    try {
      await jetStream.purge(subjects.subscriptionsLog, subjects.subscriptionRecords, upToSequence);
    } catch (error) {
      throw toStreamError(error);
    }
  }

  /** Resolves when nothing waits to be stored, and nothing is being stored. */
  async flush(): Promise<void> {
    while (this.#isRunning) await pause(this.#parts.clock, 1);
  }

  /** Nothing is recorded any more; who waits hears why. */
  close(error: StreamError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#pending = [];
    this.#parts.onLost();
  }

  #head() {
    const { owner, nextCount } = this.#parts;
    return { owner, count: nextCount(), previousSequence: this.#sequence };
  }

  #movedPositions(): Map<number, number> {
    const moved = new Map<number, number>();
    for (const [shard, sequence] of this.#parts.positions()) {
      if (this.#recorded.get(shard) === sequence) continue;
      this.#recorded.set(shard, sequence);
      moved.set(shard, sequence);
    }
    return moved;
  }

  #start(): void {
    if (this.#isRunning || this.#error !== undefined) return;
    this.#isRunning = true;
    // A turn later: what is recorded together goes together.
    void Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    while (this.#error === undefined) {
      while (this.#holds.size > 0) await Promise.all(this.#holds);
      const group = this.#pending.slice(0, GROUP_RECORDS);
      const isAll = group.length === this.#pending.length;
      const capture = isAll ? this.#capture : undefined;
      if (group.length === 0 && capture === undefined) break;
      const stored = Promise.withResolvers<number>();
      // Where there is no capture nobody waits for it.
      stored.promise.catch(() => {});
      if (capture !== undefined) {
        this.#capture = undefined;
        capture(stored.promise);
      }
      try {
        if (group.length > 0) await this.#storeGroup(group);
        stored.resolve(this.#sequence);
      } catch (error) {
        stored.reject(error);
        this.close(error instanceof StreamError ? error : unreachable(String(error)));
      }
    }
    this.#isRunning = false;
  }

  async #storeGroup(group: readonly Pending[]): Promise<void> {
    const entries = group.map(({ entry }) => entry);
    await this.#store({ kind: "records", entries, ...this.#head() });
    this.#pending.splice(0, group.length);
    this.#durableLsn = group.at(-1)?.lsn ?? this.#durableLsn;
    for (let at = 0; at < this.#waiting.length;) {
      const waiting = this.#waiting[at];
      if (waiting === undefined || waiting.lsn > this.#durableLsn) at++;
      else {
        this.#waiting.splice(at, 1);
        waiting.resolve();
      }
    }
  }

  /** @throws {StreamError} where it isn't stored, or that isn't known, or another one has written */
  async #store(message: SubscriptionMessage): Promise<void> {
    const messages = toMessages(message, this.#parts);
    const published = await this.#parts.publisher.publish(messages);
    this.#sequence = await this.#settled(message, messages.length, published);
    this.messagesSinceSnapshot++;
  }

  async #settled(
    message: SubscriptionMessage,
    messageCount: number,
    published: Published,
  ): Promise<number> {
    if (published.kind === "stored") return published.sequence;
    if (published.kind === "failed") throw published.error;
    const found = published.mayBeOurs ? await this.#next(messageCount) : [];
    const last = found.at(-1);
    const isOurs = last !== undefined && found.length === messageCount &&
      found.every(({ head }) => head.owner === message.owner && head.count === message.count);
    if (isOurs) return last.sequence;
    throw unreachable("another front end has taken over the subscriptions.");
  }

  /** The messages that follow the newest known one. */
  async #next(limit: number): Promise<{ sequence: number; head: SubscriptionMessage }[]> {
    const { jetStream, subjects } = this.#parts;
    try {
      const found = await jetStream.messages({
        log: subjects.subscriptionsLog,
        subject: subjects.subscriptionRecords,
        fromSequence: this.#sequence + 1,
        limit,
        limitBytes: Infinity,
        byLeader: true,
      });
      return found.map(({ sequence, payload }) => ({
        sequence,
        head: decodeSubscriptionMessage(payload.slice()),
      }));
    } catch (error) {
      throw toStreamError(error);
    }
  }
}

/** A message of the log as those of the cluster that it takes, to be stored together. */
export function toMessages(
  message: SubscriptionMessage,
  { jetStream, subjects }: Pick<LogParts, "jetStream" | "subjects">,
): NewMessage[] {
  const { owner, count, previousSequence } = message;
  const place = {
    log: subjects.subscriptionsLog,
    subject: subjects.subscriptionRecords,
    expectedSequence: previousSequence,
  };
  const bytes = encodeSubscriptionMessage(message);
  const limitBytes = jetStream.messageLimitBytes;
  if (bytes.length <= limitBytes) return [{ ...place, payload: bytes }];
  const partBytes = limitBytes - PART_OVERHEAD_BYTES;
  const partCount = Math.ceil(bytes.length / partBytes);
  return Array.from({ length: partCount }, (_, index) => ({
    ...place,
    payload: encodeSubscriptionMessage({
      kind: "part",
      owner,
      count,
      previousSequence,
      index,
      partCount,
      bytes: bytes.slice(index * partBytes, (index + 1) * partBytes),
    }),
  }));
}
