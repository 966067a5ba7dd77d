import { Backoff } from "../../env/backoff.ts";
import { DEFAULT_CONTENT_TYPE } from "../../protocol/content_type.ts";
import { ClientError } from "../errors/client_error.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";
import { checkAmounts } from "../errors/option_checks.ts";
import { linkAborts } from "../transport/abort_link.ts";
import type { CallOptions } from "../transport/call_options.ts";
import type { Connection } from "../transport/connection.ts";
import { retryDelayMs } from "../transport/response_error.ts";
import { retry, RetryBudget } from "../transport/retry_loop.ts";
import type { Message } from "../reader/message.ts";
import { Reader } from "../reader/reader.ts";
import { Lease } from "./lease.ts";
import { Subscription } from "./subscription.ts";
import { WakeEvents } from "./wake_events.ts";
import type { WakeStream } from "./wake_stream.ts";

/** Messages of one stream that a worker has to process. */
export interface Work {
  /** The stream's name. */
  readonly path: string;
  /** As many as one response carried; a longer backlog comes in several calls, each acked by itself. */
  readonly messages: readonly Message[];
  readonly contentType: string;
  /** The place before the first message. */
  readonly offset: string;
  /** The offset after the last message, which is acked. */
  readonly nextOffset: string;
  /** The wake that this is part of. */
  readonly wakeId: string;
  /** Fences: whatever takes it may refuse work of a smaller one. */
  readonly generation: number;
  /** Aborted if the wake is lost to another worker, or this one is stopped: what is done then is done again. */
  readonly signal: AbortSignal;
}

/** How a {@link Worker} works. */
export interface WorkerOptions extends CallOptions {
  /** Processes messages; what it rejects with releases the wake, and the messages come again. */
  handler: (work: Work) => void | Promise<void>;
  /** The name that the server has for this worker; one by chance unless given. */
  name?: string | undefined;
  /** Called with what a wake failed with, which goes on after that; unless given, `run` rejects with it. */
  onError?: ((error: unknown) => void) | undefined;
  /** How long it retries without success before it gives up; 60 s. `Infinity`: for ever. */
  maxElapsedMs?: number | undefined;
  /** Aborting it aborts the handler's signal, releases the wake, and `run` rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** How a claim ended. `next`: another wake is due at once. */
type Outcome = "none" | "done" | "next" | "failed";

/**
 * Works for a pull-wake subscription (PROTOCOL §7.2): waits for wakes, claims them, reads what is pending,
 * hands it to the handler and acknowledges it. Several workers of one subscription take turns; when one
 * dies, another takes over after the lease. Each message is processed at least once: twice only if a worker
 * was lost between processing and acknowledging it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "../../server/app.ts";
 * import { createMemoryStorage } from "../../storage/memory.ts";
 * import { Client } from "../client.ts";
 * import { fetchTransport } from "../transport/transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
 * const client = new Client("http://localhost/v1/stream", { transport });
 * await client.create("wakes", { contentType: "application/json" });
 * await client.subscription("jobs").create({ pattern: "jobs/*", wakeStream: "wakes" });
 * await client.create("jobs/7", { contentType: "application/json", initialData: "[1, 2]" });
 *
 * const seen: unknown[] = [];
 * const worker = client.worker("jobs", {
 *   handler({ path, messages }) {
 *     for (const message of messages) seen.push([path, message.json()]);
 *     worker.stop();
 *   },
 * });
 * await worker.run();
 * assert.deepEqual(seen, [["jobs/7", 1], ["jobs/7", 2]]);
 * ```
 */
export class Worker {
  readonly name: string;
  readonly #connection: Connection;
  readonly #subscription: Subscription;
  readonly #options: WorkerOptions;
  readonly #maxElapsedMs: number;
  /** Ends a wait for work, not work itself. */
  readonly #stopping = new AbortController();
  /** The last one that was claimed. */
  #generation = 0;
  #isRunning = false;

  /** @throws {ClientError} `invalid_argument` */
  constructor(connection: Connection, subscriptionId: string, options: WorkerOptions) {
    checkAmounts(options, ["maxElapsedMs"]);
    const { handler, name = nameBy(connection.random), maxElapsedMs = 60_000 } = options;
    if (typeof handler !== "function") throw invalidArgument("handler", handler, "a function");
    this.name = name;
    this.#connection = connection.adding(options);
    this.#subscription = new Subscription(this.#connection, subscriptionId);
    this.#options = options;
    this.#maxElapsedMs = maxElapsedMs;
  }

  /**
   * Works until `stop` is called.
   *
   * @throws {ClientError} `not_found` if there is no such subscription, `bad_request` if it is a webhook's;
   *   what a wake failed with, unless there is an `onError`; the signal's reason
   */
  async run(): Promise<void> {
    const wait = new AbortController();
    const unlink = linkAborts([this.#options.signal, this.#stopping.signal], wait);
    let events: WakeEvents | undefined;
    try {
      await this.#exclusive(async () => {
        events = await this.#follow(wait.signal);
        while (!this.#stopping.signal.aborted) {
          const outcome = await this.#claimOne(wait.signal);
          if (outcome !== "next") await events.next(this.#generation, { signal: wait.signal });
        }
      });
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      if (!this.#stopping.signal.aborted || error !== this.#stopping.signal.reason) throw error;
    } finally {
      unlink();
      await events?.close();
    }
  }

  /**
   * Claims once, if there is work, and does that; resolves to whether there was any.
   *
   * @throws {ClientError} as `run`
   */
  async runOnce(): Promise<boolean> {
    return await this.#exclusive(async () => await this.#claimOne(this.#options.signal) !== "none");
  }

  /** Lets the handler finish what it has, acknowledges that, and ends `run`. */
  stop(): void {
    this.#stopping.abort(new ClientError("ended", "The worker was stopped."));
  }

  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isRunning) throw new ClientError("invalid_argument", "The worker runs already.");
    this.#isRunning = true;
    try {
      return await work();
    } finally {
      this.#isRunning = false;
    }
  }

  /** Begins with the wake stream before the first claim, so that no event is missed in between. */
  async #follow(signal: AbortSignal): Promise<WakeEvents> {
    const { id, wakeStream } = await this.#retry(
      signal,
      () => this.#subscription.get({ signal }),
    );
    if (wakeStream === undefined) {
      throw invalidArgument("The subscription", id, "one with a wake stream, not a webhook's");
    }
    const events = new WakeEvents(this.#connection, id, wakeStream, {
      maxElapsedMs: this.#maxElapsedMs,
    });
    await events.begin({ signal });
    return events;
  }

  async #claimOne(signal: AbortSignal | undefined): Promise<Outcome> {
    const { clock } = this.#connection;
    let sentMs = clock.nowMs();
    const claim = await this.#retry(signal, (attempt) => {
      sentMs = clock.nowMs();
      // Not aborted by `signal`: a claim that is carried out unseen would hold the others up.
      return this.#subscription.claim(this.name, { attempt, retriedByCaller: true });
    });
    if (claim === undefined) return "none";
    this.#generation = claim.generation;
    const { signal: ending } = this.#options;
    const lease = new Lease(this.#connection, this.#subscription, claim, sentMs, ending);
    try {
      let hasMoved = false;
      for (const stream of claim.streams) hasMoved = await this.#process(lease, stream) || hasMoved;
      const isNextDue = await lease.finish();
      // If nothing came of this one, the server decides when the next is worth a try.
      return hasMoved && isNextDue ? "next" : "done";
    } catch (error) {
      await lease.release();
      ending?.throwIfAborted();
      return this.#failed(lease.loss ?? error);
    } finally {
      lease.end();
    }
  }

  /** A wake that was lost is another's, which is no failure of this worker. */
  #failed(error: unknown): Outcome {
    if (error instanceof ClientError && error.code === "fenced") return "failed";
    if (this.#options.onError === undefined) throw error;
    this.#options.onError(error);
    return "failed";
  }

  /**
   * Reads a stream from where it was acked to where it ended at the claim, or a little further, and has it
   * processed; each part is acked before the next begins. Resolves to whether there was anything.
   */
  async #process(lease: Lease, { path, ackedOffset, tailOffset }: WakeStream): Promise<boolean> {
    const { signal, claim: { wakeId, generation } } = lease;
    // The tail is known: plain reads lead there, and a live one past what a cache has kept for the tail.
    const reader = new Reader(this.#connection, path, {
      offset: ackedOffset,
      readMode: "long-poll",
      maxElapsedMs: this.#maxElapsedMs,
      signal,
    });
    let offset = ackedOffset;
    // Offsets of one stream are ordered as texts (PROTOCOL §8).
    while (!this.#stopping.signal.aborted && (offset === ackedOffset || offset < tailOffset)) {
      const data = await reader.read().catch(unlessGone);
      // Its deletion ends what was pending of it.
      if (data === undefined) break;
      const { messages, nextOffset } = data;
      if (messages.length > 0) {
        await lease.ack();
        const contentType = reader.contentType ?? DEFAULT_CONTENT_TYPE;
        await this.#options.handler({
          path,
          messages,
          contentType,
          offset,
          nextOffset,
          wakeId,
          generation,
          signal,
        });
      }
      if (nextOffset !== offset) lease.processed({ path, offset: nextOffset });
      offset = nextOffset;
      signal.throwIfAborted();
      if (data.closed || (data.upToDate && messages.length === 0)) break;
    }
    return offset !== ackedOffset;
  }

  #retry<T>(
    signal: AbortSignal | undefined,
    attempt: (number: number) => Promise<T>,
  ): Promise<T> {
    const { clock, random } = this.#connection;
    return retry({
      budget: new RetryBudget(clock, this.#maxElapsedMs),
      backoff: new Backoff({ random }),
      signal,
      attempt: (number) => {
        signal?.throwIfAborted();
        return attempt(number);
      },
      decide: ({ error }) => error === undefined ? undefined : retryDelayMs(error),
    });
  }
}

function nameBy(random: () => number): string {
  return `worker-${random().toString(36).slice(2, 10)}`;
}

function unlessGone(error: unknown): undefined {
  if (error instanceof ClientError && (error.code === "not_found" || error.code === "gone")) return;
  throw error;
}
