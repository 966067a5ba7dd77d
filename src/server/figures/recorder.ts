import { getLogger } from "@logtape/logtape";
import { setBackgroundTimer } from "../../env/background_timer.ts";
import type { Clock } from "../../env/clock.ts";
import type { Counts } from "./counts.ts";
import { type Point, pointBetween } from "./point.ts";
import { type History, Ring } from "./ring.ts";

const logger = getLogger(["durable-streams", "server"]);

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const MINUTES_POINTS = 5 * 60;
const DAY_POINTS = 24 * 60;

/** What one second has added. */
export interface Tick {
  readonly second: Point;
  /** Of the minute that ended with it, if one did. */
  readonly minute?: Point | undefined;
  /** Another number wherever streams have come or gone; `undefined` where nobody counts them. */
  readonly changes?: number | undefined;
}

/** Makes ticks of counts, of which there is one a second. */
export class Ticker {
  #last: Counts | undefined;
  #minuteBegan: Counts | undefined;

  /** What has come to pass since the counts before; `undefined` for the first. */
  tick(now: Counts): Tick | undefined {
    const before = this.#last;
    const began = this.#minuteBegan ??= now;
    this.#last = now;
    if (before === undefined) return undefined;
    const second = pointBetween(before, now);
    const elapsedMs = now.atMs - began.atMs;
    // A clock that was set back begins the minute anew.
    const isOver = elapsedMs >= MINUTE_MS - SECOND_MS / 2 || elapsedMs < 0;
    if (isOver) this.#minuteBegan = now;
    const minute = isOver && elapsedMs > 0 ? pointBetween(began, now) : undefined;
    return { second, minute, changes: now.changes };
  }
}

/**
 * The server's figures of the last five minutes, a point a second, and of the last day, a point a minute.
 * They are kept whether anybody looks or not, at the cost of one timer.
 */
export class Recorder {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #minutes = new Ring(MINUTES_POINTS);
  readonly #day = new Ring(DAY_POINTS);
  readonly #listeners = new Set<(tick: Tick) => void>();
  #last: Tick | undefined;

  /** @param signal ends the timer */
  constructor(clock: Clock, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** The memory that the figures take. */
  get bytes(): number {
    return this.#minutes.bytes + this.#day.bytes;
  }

  /** The newest tick. */
  get last(): Tick | undefined {
    return this.#last;
  }

  /** Asks for the counts once a second, from now on; `undefined` where there are none yet. */
  start(count: () => Counts | undefined): void {
    const ticker = new Ticker();
    let cancel = () => {};
    const run = () => {
      cancel = setBackgroundTimer(this.#clock, SECOND_MS, run);
      try {
        const counts = count();
        const tick = counts && ticker.tick(counts);
        if (tick !== undefined) this.add(tick);
      } catch (error) {
        logger.error("The figures of a second are missing: {error}", { error });
      }
    };
    if (this.#signal?.aborted === true) return;
    this.#signal?.addEventListener("abort", () => cancel(), { once: true });
    run();
  }

  /** Adds a second's figures, where another thread makes them. */
  add(tick: Tick): void {
    this.#last = tick;
    this.#minutes.add(tick.second);
    if (tick.minute !== undefined) this.#day.add(tick.minute);
    for (const listener of [...this.#listeners]) listener(tick);
  }

  /** Calls `listener` each second, until the returned function is called. */
  subscribe(listener: (tick: Tick) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is later than `sinceMs`. */
  history(sinceMs: number): { readonly minutes: History; readonly day: History } {
    return { minutes: this.#minutes.history(sinceMs), day: this.#day.history(sinceMs) };
  }
}
