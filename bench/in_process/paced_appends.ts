import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { bun } from "../system/bun.ts";
import { Histogram } from "../generator/histogram.ts";

/** How appends went, and what the process did meanwhile. */
export interface PacedFigures {
  readonly seconds: number;
  readonly appends: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The longest that the event loop didn't come round. */
  readonly loopDelayMs: number;
  readonly cpuSeconds: number;
  /** What was due and not sent at the end: the storage couldn't keep up. */
  readonly unsent: number;
}

const TICK_MS = 1;
/** More aren't under way at once; those that are due wait, and count from when they were. */
const IN_FLIGHT = 4096;

const nanoseconds = bun()?.nanoseconds ?? (() => performance.now() * 1e6);

/**
 * Appends to a storage of this process at a steady pace, whether answers come or not. Latencies count from
 * when an append was due, to the millisecond in which it is sent: so a pause is seen by all that came in it.
 */
export class PacedAppends {
  readonly #append: (n: number) => Promise<unknown>;
  readonly #perSecond: number;
  readonly #running: Promise<void>;
  readonly #histogram = new Histogram();
  #startNanos = nanoseconds();
  /** Since the start of the schedule. */
  #sent = 0;
  #allSent = 0;
  #inFlight = 0;
  #maxNanos = 0;
  #lastTickNanos = nanoseconds();
  #loopDelayNanos = 0;
  #sinceNanos = nanoseconds();
  #cpu = process.cpuUsage();
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;

  /** @param append sends the `n`th of all */
  constructor(append: (n: number) => Promise<unknown>, perSecond: number) {
    this.#append = append;
    this.#perSecond = perSecond;
    this.#running = this.#run();
  }

  /**
   * Those since the start, or since this was last called. What is late is left out from now on, so that
   * whoever comes next isn't measured by it.
   *
   * @throws what an append has failed with
   */
  take(): PacedFigures {
    if (this.#failure !== undefined) throw this.#failure.error;
    const now = nanoseconds();
    const seconds = (now - this.#sinceNanos) / 1e9;
    const histogram = this.#histogram;
    const cpu = process.cpuUsage(this.#cpu);
    const figures = {
      seconds,
      appends: histogram.count,
      perSecond: histogram.count / seconds,
      p50Ms: histogram.quantileMillis(0.5) ?? NaN,
      p99Ms: histogram.quantileMillis(0.99) ?? NaN,
      maxMs: this.#maxNanos / 1e6,
      loopDelayMs: this.#loopDelayNanos / 1e6,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      unsent: Math.max(0, this.#dueBy(now) - this.#sent),
    };
    histogram.clear();
    this.#maxNanos = 0;
    this.#loopDelayNanos = 0;
    this.#sent = 0;
    this.#startNanos = this.#sinceNanos = nanoseconds();
    this.#cpu = process.cpuUsage();
    return figures;
  }

  /** Waits for what is under way, and ends. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    while (this.#inFlight > 0) await sleep(TICK_MS);
  }

  async #run(): Promise<void> {
    while (!this.#isOver && this.#failure === undefined) {
      const now = nanoseconds();
      const lateNanos = now - this.#lastTickNanos - TICK_MS * 1e6;
      this.#loopDelayNanos = Math.max(this.#loopDelayNanos, lateNanos);
      this.#lastTickNanos = now;
      const due = this.#dueBy(now);
      while (this.#sent < due && this.#inFlight < IN_FLIGHT) void this.#send();
      await sleep(TICK_MS);
    }
  }

  #dueBy(nanos: number): number {
    return Math.floor((nanos - this.#startNanos) * 1e-9 * this.#perSecond);
  }

  async #send(): Promise<void> {
    const dueNanos = this.#startNanos + (++this.#sent / this.#perSecond) * 1e9;
    this.#inFlight++;
    try {
      await this.#append(this.#allSent++);
      const tookNanos = nanoseconds() - dueNanos;
      this.#histogram.record(tookNanos);
      this.#maxNanos = Math.max(this.#maxNanos, tookNanos);
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#inFlight--;
    }
  }
}
