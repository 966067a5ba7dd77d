import type { Clock } from "../../env/clock.ts";

/**
 * Many deadlines and one timer: nearly all are let go of before their time, and to set and to clear a
 * timer for each would cost more than all else about a wait.
 */
export class Deadlines {
  readonly #clock: Clock;
  /** Earliest first, in a ring that this closes. */
  readonly #ring = new Deadline(-Infinity, () => {});
  #timerAtMs = Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `run` at `atMs`, unless the returned function is called before. */
  add(atMs: number, run: () => void): () => void {
    const deadline = new Deadline(atMs, run);
    // Nearly all have the same time to go, so that the newest comes last.
    let before = this.#ring.previous;
    while (before.atMs > atMs) before = before.previous;
    deadline.linkAfter(before);
    this.#arm();
    return () => {
      deadline.unlink();
      if (this.#ring.next === this.#ring) this.#disarm();
    };
  }

  #arm(): void {
    const { next } = this.#ring;
    if (next === this.#ring || this.#timerAtMs <= next.atMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = next.atMs;
    const delayMs = Math.max(0, next.atMs - this.#clock.nowMs());
    this.#cancelTimer = this.#clock.setTimer(delayMs, () => this.#fire());
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAtMs = Infinity;
  }

  #fire(): void {
    this.#cancelTimer = undefined;
    this.#timerAtMs = Infinity;
    const nowMs = this.#clock.nowMs();
    for (let { next } = this.#ring; next !== this.#ring && next.atMs <= nowMs;) {
      next.unlink();
      next.run();
      next = this.#ring.next;
    }
    this.#arm();
  }
}

class Deadline {
  readonly atMs: number;
  readonly run: () => void;
  next: Deadline = this;
  previous: Deadline = this;

  constructor(atMs: number, run: () => void) {
    this.atMs = atMs;
    this.run = run;
  }

  linkAfter(before: Deadline): void {
    this.previous = before;
    this.next = before.next;
    before.next.previous = this;
    before.next = this;
  }

  /** Takes it out; it may be out already. */
  unlink(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.next = this;
    this.previous = this;
  }
}
