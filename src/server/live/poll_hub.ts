import type { Permit } from "../../access/permit.ts";
import { CallbackDeadline, DeadlineQueue } from "../../env/deadline_queue.ts";
import type { AbortSignalLike } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import { spaceAt } from "../../protocol/offset.ts";
import type { ReadResult, Storage, Watch } from "../../storage/storage.ts";
import { watchPermit } from "../access/permit_end.ts";
import { bodyOf } from "../body/chunk_body.ts";
import type { LiveReaders } from "./readers.ts";
import type { ServerConfig } from "../common/options.ts";

/** A long-poll without new data is late by up to this. */
const TICK_MS = 100;

/** The result of a long-poll: its bytes are shared by all that waited for the same. */
export interface PollResult {
  readonly chunk: ReadResult;
  readonly body: Bytes;
}

/**
 * All long-polls that wait. Those at the same offset share a watch and the read of new data, and
 * all share one timer.
 */
export class PollHub {
  readonly #config: ServerConfig;
  readonly #liveReaders: LiveReaders;
  readonly #deadlines: DeadlineQueue;
  readonly #groups = new Map<string, WaitGroup>();
  /** How many wait for each stream, by the streams' ids. */
  readonly #counts = new Map<number, number>();

  constructor(config: ServerConfig, liveReaders: LiveReaders) {
    this.#config = config;
    this.#liveReaders = liveReaders;
    this.#deadlines = new DeadlineQueue(config.clock, TICK_MS);
  }

  /**
   * Waits for data after `first`, in which there was nothing new; `undefined` where none comes until the
   * wait is over: by time, since the client disconnects, or since the server stops; `"ended"` where the
   * permit has ended.
   *
   * @throws {StreamError} `too_many_readers`; `not_found`, `gone` or `offset_gone` where the stream goes
   */
  wait(
    name: string,
    first: ReadResult,
    signal: AbortSignalLike,
    permit?: Permit,
  ): Promise<PollResult | "ended" | undefined> {
    const { clock, longPollTimeoutMs } = this.#config;
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      const end = () => group.remove(waiter);
      const release = this.#liveReaders.enter(end);
      const waitMs = Math.min(longPollTimeoutMs, first.expiresAtMs - clock.nowMs());
      const deadline = new CallbackDeadline(end);
      signal.addEventListener("abort", end);
      const group = this.#join(name, first);
      let forgetPermit = () => {};
      this.#count(first.id, 1);
      group.add(waiter, () => {
        this.#count(first.id, -1);
        release();
        deadline.cancel();
        forgetPermit();
        signal.removeEventListener("abort", end);
      });
      if (waitMs <= 0 || this.#liveReaders.isStopping || signal.aborted) end();
      else {
        this.#deadlines.add(deadline, Math.ceil(waitMs / TICK_MS));
        forgetPermit = watchPermit(permit, clock, () => group.remove(waiter, "ended"));
      }
    });
  }

  /** How many wait for a stream. @param id the stream's */
  countOf(id: number): number {
    return this.#counts.get(id) ?? 0;
  }

  #count(id: number, by: number): void {
    const count = this.countOf(id) + by;
    if (count === 0) this.#counts.delete(id);
    else this.#counts.set(id, count);
  }

  #join(name: string, first: ReadResult): WaitGroup {
    const key = `${first.id}:${first.start}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new WaitGroup(this.#config, name, first, () => this.#groups.delete(key));
      this.#groups.set(key, group);
    }
    return group;
  }
}

interface Waiter {
  resolve(result: PollResult | "ended" | undefined): void;
  reject(error: unknown): void;
}

/** The long-polls that wait at the same offset of the same stream. */
class WaitGroup {
  readonly #storage: Storage;
  readonly #limitBytes: number;
  readonly #name: string;
  readonly #first: ReadResult;
  readonly #onEnd: () => void;
  /** Each with its cleanup. */
  readonly #waiters = new Map<Waiter, () => void>();
  #watch: Promise<Watch> | undefined;
  #isOver = false;
  #isChecking = false;
  #checkAgain = false;

  /** @param onEnd called once, when nobody may join any more */
  constructor(config: ServerConfig, name: string, first: ReadResult, onEnd: () => void) {
    this.#storage = config.storage;
    this.#limitBytes = config.chunkBytes;
    this.#name = name;
    this.#first = first;
    this.#onEnd = onEnd;
  }

  add(waiter: Waiter, cleanUp: () => void): void {
    this.#waiters.set(waiter, cleanUp);
    if (this.#watch !== undefined) return;
    this.#watch = this.#storage.watch(this.#name, () => void this.#check());
    // Data between the read and the watch is looked for once the watch is set.
    this.#watch.then(() => this.#check(), (error) => this.#end((waiter) => waiter.reject(error)));
  }

  /** Ends one wait without new data. */
  remove(waiter: Waiter, result?: "ended"): void {
    const cleanUp = this.#waiters.get(waiter);
    if (cleanUp === undefined) return;
    this.#waiters.delete(waiter);
    cleanUp();
    waiter.resolve(result);
    if (this.#waiters.size === 0) this.#end(() => {});
  }

  async #check(): Promise<void> {
    this.#checkAgain = true;
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      while (this.#checkAgain && this.#waiters.size > 0) {
        this.#checkAgain = false;
        const chunk = await readNext(this.#storage, this.#name, this.#first, this.#limitBytes);
        if (!completesPoll(chunk)) continue;
        const result = { chunk, body: bodyOf(chunk) };
        return this.#end((waiter) => waiter.resolve(result));
      }
    } catch (error) {
      this.#end((waiter) => waiter.reject(error));
    } finally {
      this.#isChecking = false;
    }
  }

  #end(notify: (waiter: Waiter) => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd();
    for (const [waiter, cleanUp] of this.#waiters) {
      cleanUp();
      notify(waiter);
    }
    this.#waiters.clear();
    this.#watch?.then((watch) => watch.cancel(), () => {});
  }
}

/** Whether a long-poll is answered with this chunk. */
export function completesPoll(chunk: ReadResult): boolean {
  return chunk.data.length > 0 || chunk.closed;
}

/** The next chunk of the same stream: one that was made again under its name is another. */
export async function readNext(
  storage: Storage,
  name: string,
  first: ReadResult,
  limitBytes: number,
): Promise<ReadResult> {
  const { id, space, start: position } = first;
  const from = { space: spaceAt(space, position), position };
  const chunk = await storage.read(name, from, limitBytes);
  if (chunk.id === id) return chunk;
  // Another fork of the same source, which shares its space up to the fork point.
  throw new StreamError(
    { code: "offset_gone" },
    "The stream was deleted while the read waited, and made again: begin at -1, the start.",
  );
}
