import { bun } from "../system/bun.ts";
import type { Measurement, Timed } from "./commands.ts";
import { Connection, type Driver } from "./connection.ts";
import { quantiles, sleep } from "./figures.ts";
import { Histogram } from "./histogram.ts";
import { Window } from "./window.ts";

const DRAIN_MILLIS = 2_000;
const RECONNECT_MILLIS = 50;
const MAX_ERRORS = 10_000;
// A server whose answers take longer than the window gets this much more for its first ones.
const FIRST_RESPONSE_MILLIS = 4_000;

/** What is sent and how the answers are judged. */
export interface Load {
  /** The next request of a connection, decided by what its last response said; undefined: no more. */
  next(connection: Connection): Uint8Array | undefined;
  /** Judges a whole response; a string is what was wrong with it. */
  check(connection: Connection): string | undefined;
  /** After so many good answers the window ends early. */
  readonly limitResponses?: number;
}

/** What the window saw, before it is turned into units. */
export interface LoopResult extends Omit<Measurement, "units"> {
  readonly responses: number;
  readonly bodyBytes: number;
}

/**
 * Keeps one request in flight on every connection: a warm-up, then the measured window, then what is
 * in flight is waited for.
 */
export async function runClosedLoop(options: Timed, load: Load): Promise<LoopResult> {
  const loop = new ClosedLoop(options, load);
  return await loop.run();
}

const HISTOGRAM = new Histogram();
const nanoseconds = bun()?.nanoseconds ?? (() => performance.now() * 1e6);

class ClosedLoop implements Driver<Connection> {
  readonly #options: Timed;
  readonly #load: Load;
  readonly #limitResponses: number;
  readonly #connections: Connection[] = [];
  readonly #finished = Promise.withResolvers<void>();
  #stopped = false;
  #bodyBytes = 0;
  #errors = 0;
  #firstError: string | undefined;

  constructor(options: Timed, load: Load) {
    this.#options = options;
    this.#load = load;
    this.#limitResponses = load.limitResponses ?? Infinity;
  }

  async run(): Promise<LoopResult> {
    for (let index = 0; index < this.#options.connections; index++) {
      this.#connections.push(await Connection.open(this.#options.target, index, this));
    }
    for (const connection of this.#connections) this.#sendNext(connection, nanoseconds());
    if (this.#options.warmSeconds > 0) await sleep(this.#options.warmSeconds * 1000);
    HISTOGRAM.clear();
    this.#bodyBytes = 0;
    const window = new Window(this.#options.watched);
    await Promise.race([sleep(this.#options.seconds * 1000), this.#finished.promise]);
    for (let waited = 0; waited < FIRST_RESPONSE_MILLIS && HISTOGRAM.count === 0; waited += 100) {
      await sleep(100);
    }
    const usage = window.end();
    const result = {
      ...usage,
      responses: HISTOGRAM.count,
      bodyBytes: this.#bodyBytes,
      ...quantiles(HISTOGRAM),
    };
    await this.#drain();
    return { ...result, errors: this.#errors, firstError: this.#firstError };
  }

  responded(connection: Connection): void {
    const now = nanoseconds();
    const wrong = this.#load.check(connection);
    if (wrong === undefined) HISTOGRAM.record(now - connection.sentAtNanos);
    else this.#note(wrong);
    if (HISTOGRAM.count >= this.#limitResponses) this.#finished.resolve();
    if (!this.#stopped) this.#sendNext(connection, now);
  }

  received(bytes: number): void {
    this.#bodyBytes += bytes;
  }

  failed(connection: Connection, reason: string): void {
    connection.busy = false;
    this.#note(reason);
    setTimeout(() => this.#reconnect(connection.index), RECONNECT_MILLIS);
  }

  async #reconnect(index: number): Promise<void> {
    if (this.#stopped) return;
    try {
      const connection = await Connection.open(this.#options.target, index, this);
      this.#connections[index] = connection;
      if (this.#stopped) connection.close();
      else this.#sendNext(connection, nanoseconds());
    } catch (error) {
      this.#note(String(error));
    }
  }

  #sendNext(connection: Connection, now: number): void {
    const request = this.#load.next(connection);
    if (request !== undefined) connection.send(request, now);
    else if (this.#connections.every((one) => !one.busy)) this.#finished.resolve();
  }

  // A server that only answers errors must not keep the loop spinning through them.
  #note(reason: string): void {
    this.#errors++;
    this.#firstError ??= reason;
    if (this.#errors >= MAX_ERRORS) this.#stopped = true;
  }

  async #drain(): Promise<void> {
    this.#stopped = true;
    const deadline = performance.now() + DRAIN_MILLIS;
    while (this.#connections.some((connection) => connection.busy)) {
      if (performance.now() > deadline) break;
      await sleep(5);
    }
    for (const connection of this.#connections) connection.close();
  }
}
