import { bun } from "../system/bun.ts";
import type { Load } from "./closed_loop.ts";
import type { Measurement, Timed } from "./commands.ts";
import { Connection, type Driver } from "./connection.ts";
import { sleep } from "./figures.ts";
import { Histogram } from "./histogram.ts";
import { timedWindow } from "./timed_window.ts";

const TICK_MILLIS = 1;
const MAX_ERRORS = 1_000;
const DRAIN_MILLIS = 5_000;

const nanoseconds = bun()?.nanoseconds ?? (() => performance.now() * 1e6);

/**
 * Sends at a steady pace, whether answers come or not: what is due while every connection waits is sent
 * as soon as one is free, and its latency counts from when it was due. So a stall shows in full.
 *
 * @param pace requests a second
 */
export async function runPaced(options: Timed, pace: number, load: Load): Promise<Measurement> {
  const loop = new PacedLoop(options, pace, load);
  return await loop.run();
}

class PacedLoop implements Driver<Connection> {
  readonly #options: Timed;
  readonly #pace: number;
  readonly #load: Load;
  readonly #histogram = new Histogram();
  readonly #connections: Connection[] = [];
  readonly #idle: Connection[] = [];
  readonly #dueAtNanos: number[];
  #startNanos = 0;
  #sent = 0;
  #due = 0;
  #errors = 0;
  #firstError: string | undefined;

  constructor(options: Timed, pace: number, load: Load) {
    this.#options = options;
    this.#pace = pace;
    this.#load = load;
    this.#dueAtNanos = new Array<number>(options.connections).fill(0);
  }

  async run(): Promise<Measurement> {
    const { target, connections } = this.#options;
    for (let index = 0; index < connections; index++) {
      this.#connections.push(await Connection.open(target, index, this));
    }
    this.#idle.push(...this.#connections);
    this.#startNanos = nanoseconds();
    const ticker = setInterval(() => this.#tick(), TICK_MILLIS);
    const result = await timedWindow(this.#options, this.#histogram);
    clearInterval(ticker);
    await this.#drain();
    return {
      ...result,
      errors: this.#errors,
      firstError: this.#firstError,
      askedUnits: this.#pace * result.seconds - 1,
    };
  }

  responded(connection: Connection): void {
    const now = nanoseconds();
    const wrong = this.#load.check(connection);
    if (wrong === undefined) {
      this.#histogram.record(now - (this.#dueAtNanos[connection.index] ?? now));
    } else this.#note(wrong);
    this.#idle.push(connection);
    this.#send(now);
  }

  failed(_connection: Connection, reason: string): void {
    this.#note(reason);
  }

  #tick(): void {
    const now = nanoseconds();
    this.#due = Math.floor((now - this.#startNanos) * 1e-9 * this.#pace);
    this.#send(now);
  }

  #send(now: number): void {
    while (this.#sent < this.#due && this.#errors < MAX_ERRORS) {
      const connection = this.#idle.pop();
      if (connection === undefined) return;
      const request = this.#load.next(connection);
      if (request === undefined) return;
      this.#dueAtNanos[connection.index] = this.#startNanos + ((this.#sent + 1) / this.#pace) * 1e9;
      this.#sent++;
      connection.send(request, now);
    }
  }

  #note(reason: string): void {
    this.#errors++;
    this.#firstError ??= reason;
  }

  async #drain(): Promise<void> {
    this.#due = 0;
    const deadline = performance.now() + DRAIN_MILLIS;
    while (this.#connections.some((one) => one.busy) && performance.now() < deadline) {
      await sleep(5);
    }
    for (const connection of this.#connections) connection.close();
  }
}
