import { getLogger } from "@logtape/logtape";
import type { Clock } from "../env/clock.ts";
import { StreamError } from "../protocol/errors.ts";
import type { RetentionPolicy } from "../protocol/retention.ts";
import { BLOCK_BYTES } from "./block_rule.ts";
import { DueQueue } from "./due_queue.ts";
import type { StreamPolicies } from "./policies.ts";
import { RetentionRules } from "./retention_rules.ts";
import type { Stream } from "./stream.ts";
import { lookAtBytes, type StreamRetention, streamRetention } from "./stream_retention.ts";
import type { TrimPoints } from "./trim_points.ts";

const logger = getLogger(["durable-streams", "storage", "retention"]);

const INTERVAL_MS = 1000;
/** So many streams are looked at before others run. */
const SLICE_STREAMS = 100;
/** What couldn't be looked at, or recorded, is looked at again after so long. */
const RETRY_MS = 5000;
/** Times that are further ahead are of a clock that was wrong, and has been set back. */
const CLOCK_SLACK_MS = 60_000;
/** So many streams have such times at once; of others all of that time stays. */
const MAX_MARKS = 100_000;

/** How far a stream went at a time: what it has before, though of later times, was there by then. */
interface Mark {
  readonly position: number;
  readonly atMs: number;
}

/** What a {@link RetentionEnforcer} works on. */
export interface RetentionEnforcerParts<S extends Stream> {
  clock: Clock;
  /** The stream of this id, unless it is gone for good. */
  load(id: number): S | undefined;
  points: Pick<TrimPoints, "firstKept" | "messagesBefore" | "blockTimeAt">;
  /**
   * Records that a stream is trimmed; where that takes its time, it is waited for.
   *
   * @throws {StreamError} where nothing can be recorded now
   */
  trim(stream: S, earliest: number, messages: number): void | Promise<void>;
  /** Looks for the stream's snapshot, where that may not be known yet. */
  findSnapshot?(stream: S): void;
  /**
   * Other ids of streams that may be due, where not all of them are in memory; each comes once. `undefined`
   * where there are no more, for now.
   */
  findDue?(nowMs: number, limit: number): readonly number[] | undefined;
  /** When a stream is looked at next has changed, and nothing else of it. */
  onDue?(stream: S): void;
  /** Lets others run between two slices. */
  pause(): Promise<void>;
}

/**
 * Trims streams to what their policies, and those of patterns, keep of them. A stream is looked at when it
 * has grown by some share beyond what is kept, and when the oldest of it has been too old for some time; a
 * look asks for the first block that stays, in small slices between all else.
 */
export class RetentionEnforcer<S extends Stream> {
  readonly #parts: RetentionEnforcerParts<S>;
  readonly #queue = new DueQueue();
  /** Of streams that have times ahead of the clock, by their ids. */
  readonly #marks = new Map<number, Mark>();
  #rules = new RetentionRules([]);
  /** What all streams have of which everything is kept: to compare with it is all that an append costs. */
  #everything = streamRetention(this.#rules, undefined, BLOCK_BYTES);
  /** Before this nobody is asked for others that are due. */
  #nextFindMs = 0;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(parts: RetentionEnforcerParts<S>) {
    this.#parts = parts;
  }

  /** The rules of patterns. */
  get rules(): RetentionRules {
    return this.#rules;
  }

  /** How many streams are looked at when their time has come. */
  get waitingStreams(): number {
    return this.#queue.size;
  }

  /** For how long the first of these has been due. */
  get lagMs(): number {
    return this.#queue.size === 0 ? 0 : Math.max(0, this.#parts.clock.nowMs() - this.#queue.nextMs);
  }

  /** Puts other rules in place: streams that are in memory are to be {@link changed} then. */
  setRules(rules: RetentionRules): void {
    this.#rules = rules;
    this.#everything = streamRetention(rules, undefined, BLOCK_BYTES);
  }

  /** The policies in force for a stream of this name with these of its own. */
  policiesOf(name: string, own: StreamPolicies | undefined): StreamPolicies | undefined {
    if (this.#rules.isNone) return own;
    const retention = this.#rules.retentionOf(name, own);
    if (retention === undefined) return own;
    return { ...own, retention };
  }

  /** A stream goes further than before: `isFirst` where it held nothing. */
  appended(stream: S, isFirst: boolean): void {
    const { retention } = stream;
    if (retention !== this.#everything) this.#grown(stream, isFirst);
  }

  /** A stream's policies, its snapshot or the rules are others now. */
  changed(stream: S): void {
    stream.retention = undefined;
    const state = this.#of(stream);
    if (state.limits === undefined) this.#queue.delete(stream.id);
    // What is stored of it before that says so, too.
    else this.#due(stream, state, this.#parts.clock.nowMs());
  }

  /** A stream is to be looked at by then, in ms since 1970. */
  schedule(id: number, dueMs: number): void {
    this.#enqueue(id, dueMs);
  }

  /** A stream is gone. */
  removed(id: number): void {
    this.#queue.delete(id);
    this.#marks.delete(id);
  }

  /** Looks at what is due, as far as it can be now. */
  async run(): Promise<void> {
    if (this.#isStopped) return;
    this.#running ??= this.#runAll().catch((error) => {
      if (this.#isStopped) return;
      // A full disk, or too much that waits: the next second may see the end of it.
      if (error instanceof StreamError) {
        logger.debug("Streams aren't trimmed now: {message}", { message: error.message });
      } else logger.error("Streams aren't trimmed now: {error}", { error });
    }).finally(() => {
      this.#running = undefined;
      this.#setTimer();
    });
    await this.#running;
  }

  /** Nothing is looked at any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  #of(stream: S): StreamRetention {
    const known = stream.retention;
    if (known !== undefined && known.rules === this.#rules) return known;
    const limits = this.#rules.retentionOf(stream.name, stream.policies);
    const found = limits === undefined
      ? this.#everything
      : streamRetention(this.#rules, limits, BLOCK_BYTES);
    // What was stored is found by that, and needs no look before.
    if (found !== this.#everything) found.dueMs = stream.storedTrimsAtMs;
    stream.retention = found;
    return found;
  }

  #grown(stream: S, isFirst: boolean): void {
    const isNew = stream.retention === undefined || stream.retention.rules !== this.#rules;
    const state = this.#of(stream);
    const { limits, lookAtMessages, ageSlackMs } = state;
    if (limits === undefined) return;
    const nowMs = this.#parts.clock.nowMs();
    if (
      keptBytes(stream) > state.lookAtBytes ||
      stream.buffer.messages - stream.earliestMessages > lookAtMessages
    ) {
      if (state.dueMs > nowMs) this.#due(stream, state, nowMs);
    } else if (limits.ageMs !== undefined && state.dueMs === Infinity) {
      // What it held before, if anything, may be due already.
      this.#due(stream, state, isFirst || !isNew ? nowMs + limits.ageMs + ageSlackMs : nowMs);
    }
  }

  #due(stream: S, state: StreamRetention, dueMs: number): void {
    state.dueMs = dueMs;
    this.#enqueue(stream.id, dueMs);
  }

  #enqueue(id: number, dueMs: number): void {
    this.#queue.set(id, dueMs);
    if (dueMs <= this.#parts.clock.nowMs()) void this.run();
    else this.#setTimer();
  }

  #setTimer(): void {
    if (this.#isStopped || this.#cancelTimer !== undefined || this.#running !== undefined) return;
    if (this.#queue.size === 0 && this.#parts.findDue === undefined) return;
    this.#cancelTimer = this.#parts.clock.setTimer(INTERVAL_MS, () => {
      this.#cancelTimer = undefined;
      if (this.#queue.nextMs > this.#parts.clock.nowMs() && this.#parts.findDue === undefined) {
        this.#setTimer();
      } else void this.run();
    });
  }

  async #runAll(): Promise<void> {
    // So that what one turn of the event loop appends is looked at once.
    await this.#parts.pause();
    while (!this.#isStopped) {
      const nowMs = this.#parts.clock.nowMs();
      const ids = this.#queue.take(nowMs, SLICE_STREAMS);
      const found = this.#findDue(nowMs, ids);
      if (ids.length === 0 && found === undefined) return;
      for (const id of [...ids, ...found ?? []]) {
        if (this.#isStopped) return;
        // Once for both: whoever is asked for a stream may have put it off until now, and not again.
        const stream = this.#loadIfSound(id);
        if (!this.#staysWhole(stream, nowMs)) await this.#look(id, stream, nowMs);
      }
      await this.#parts.pause();
    }
  }

  /** Those that are due beside what was taken of the queue, where that comes back if they can't be found. */
  #findDue(nowMs: number, taken: readonly number[]): readonly number[] | undefined {
    // Nearly every slice asks in vain, and asking takes as long as many looks.
    if (nowMs < this.#nextFindMs) return undefined;
    try {
      const found = this.#parts.findDue?.(nowMs, SLICE_STREAMS - taken.length);
      if (found === undefined) this.#nextFindMs = nowMs + INTERVAL_MS;
      return found;
    } catch (error) {
      for (const id of taken) this.#queue.set(id, nowMs + RETRY_MS);
      throw error;
    }
  }

  /**
   * Whether a look finds at once, by what is in memory, that all of a stream stays for now; says when the next
   * one is due then. Of streams that are written to steadily nearly all looks are like that.
   */
  #staysWhole(stream: S | undefined, nowMs: number): boolean {
    const { retention: state, buffer } = stream ?? {};
    if (stream?.lifecycle !== "there" || state?.limits === undefined || buffer === undefined) {
      return false;
    }
    const { tail, earliest, earliestMessages } = stream;
    const { ageMs, bytes = Infinity, messages = Infinity, toSnapshot } = state.limits;
    if (state.rules !== this.#rules || ageMs === undefined || toSnapshot === true) return false;
    if (tail - earliest > bytes || buffer.messages - earliestMessages > messages) return false;
    if (earliest < buffer.start || earliest === tail) return false;
    const oldestMs = buffer.countedBlockAt(earliest).atMs;
    if (oldestMs < nowMs - ageMs || oldestMs > nowMs + CLOCK_SLACK_MS) return false;
    this.#due(stream, state, Math.max(oldestMs + ageMs + state.ageSlackMs, nowMs + 1));
    this.#parts.onDue?.(stream);
    return true;
  }

  #loadIfSound(id: number): S | undefined {
    try {
      return this.#parts.load(id);
    } catch {
      // The look that follows meets the same, and says so.
      return undefined;
    }
  }

  /** @param loaded `undefined` where it isn't there, or couldn't be loaded */
  async #look(id: number, loaded: S | undefined, nowMs: number): Promise<void> {
    let state: StreamRetention | undefined;
    try {
      const stream = loaded ?? this.#parts.load(id);
      if (stream === undefined || stream.lifecycle !== "there") return;
      state = this.#of(stream);
      const before = state.limits === undefined ? stream.storedTrimsAtMs : state.dueMs;
      state.dueMs = Infinity;
      stream.storedTrimsAtMs = Infinity;
      if (state.limits !== undefined) await this.#trim(stream, state, state.limits, nowMs);
      // Else what is stored would have it looked at again and again.
      if (before !== Infinity && state.dueMs === Infinity && stream.lifecycle === "there") {
        this.#parts.onDue?.(stream);
      }
    } catch (error) {
      // Damaged, or nothing can be recorded now: what is too much stays until that is over.
      const isExpected = error instanceof StreamError;
      const log = { id, message: error instanceof Error ? error.message : String(error) };
      if (isExpected) logger.debug("Stream {id} isn't trimmed now: {message}", log);
      else logger.error("Stream {id} isn't trimmed: {message}", log);
      const retryMs = this.#parts.clock.nowMs() + RETRY_MS;
      if (state?.limits !== undefined) state.dueMs = retryMs;
      this.#queue.set(id, retryMs);
    }
  }

  async #trim(
    stream: S,
    state: StreamRetention,
    limits: RetentionPolicy,
    nowMs: number,
  ): Promise<void> {
    const { points } = this.#parts;
    if (limits.toSnapshot) this.#parts.findSnapshot?.(stream);
    const end = { tail: stream.tail, messages: stream.buffer.messages };
    const first = Math.max(
      stream.earliest,
      this.#markedBefore(stream, nowMs - (limits.ageMs ?? Infinity)),
      await points.firstKept(stream, limits, nowMs),
    );
    if (first > stream.earliest) {
      const messages = await points.messagesBefore(stream, first, end);
      // While it was looked at it may have gone, been trimmed further, or been given other policies.
      if (stream.lifecycle !== "there" || stream.retention !== state) return;
      if (first > stream.earliest) await this.#parts.trim(stream, first, messages);
    }
    // What came while it was looked at wasn't left by the look.
    const leftBytes = keptBytes(stream) - (stream.tail - end.tail);
    state.lookAtBytes = lookAtBytes(limits, BLOCK_BYTES, leftBytes);
    if (keptBytes(stream) > state.lookAtBytes) this.#due(stream, state, nowMs);
    if (limits.ageMs === undefined || stream.earliest === stream.tail) return;
    const oldestMs = await points.blockTimeAt(stream, stream.earliest);
    if (stream.lifecycle !== "there" || stream.retention !== state) return;
    const knownMs = this.#mark(stream, oldestMs, nowMs);
    const dueMs = Math.max(knownMs + limits.ageMs + state.ageSlackMs, nowMs + 1);
    // It may have grown while it was looked at, and be due already.
    if (dueMs < state.dueMs) this.#due(stream, state, dueMs);
    this.#parts.onDue?.(stream);
  }

  /** Up to where a stream was there by a time, whatever its own times say; 0 where that isn't known. */
  #markedBefore({ id }: S, atMs: number): number {
    const mark = this.#marks.get(id);
    return mark === undefined || mark.atMs > atMs ? 0 : mark.position;
  }

  /**
   * By when the oldest of a stream was there. Times never run backwards in a stream: where a clock was ahead
   * and has been set back, what is appended by then has that clock's last time, and none of it would ever be
   * too old. It counts as of the first look that finds it so.
   */
  #mark(stream: S, oldestMs: number, nowMs: number): number {
    const { id, tail, earliest } = stream;
    if (oldestMs <= nowMs + CLOCK_SLACK_MS) {
      this.#marks.delete(id);
      return oldestMs;
    }
    const known = this.#marks.get(id);
    if (known !== undefined && known.position > earliest) return known.atMs;
    if (known === undefined && this.#marks.size >= MAX_MARKS) return oldestMs;
    this.#marks.set(id, { position: tail, atMs: nowMs });
    return nowMs;
  }
}

/** How much can be read of a stream; what its sources have left out counts as if it were there. */
function keptBytes({ tail, earliest, missingBytes }: Stream): number {
  return tail - earliest - missingBytes;
}
