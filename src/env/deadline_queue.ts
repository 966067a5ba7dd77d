import type { Clock } from "./clock.ts";

/** Something that happens unless it is cancelled before: a link of a queue's list. */
export abstract class Deadline {
  /** For the queue alone, as the two links. */
  dueTick = -Infinity;
  next: Deadline = this;
  previous: Deadline = this;

  /** Called once, when its time has come. */
  abstract expire(): void;

  /** Whether it waits in a queue. */
  get isQueued(): boolean {
    return this.next !== this;
  }

  /** Takes it out of its queue; it may be out already. */
  cancel(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.next = this;
    this.previous = this;
  }
}

/** A deadline that calls a function. */
export class CallbackDeadline extends Deadline {
  readonly #run: () => void;

  constructor(run: () => void) {
    super();
    this.#run = run;
  }

  override expire(): void {
    this.#run();
  }
}

/** Where a queue begins and ends. */
class ListEnd extends Deadline {
  override expire(): void {}
}

/**
 * Many deadlines and one timer. Nearly all are cancelled before their time, and setting and clearing a
 * timer for each, or looking at the clock, would cost an append more than the rest of its deadline does.
 * So time is counted in ticks, which don't follow the clock when somebody sets that, and there are ticks
 * only while deadlines wait.
 */
export class DeadlineQueue {
  readonly #clock: Clock;
  readonly #tickMs: number;
  /** The list, earliest first, is a ring that this closes. */
  readonly #end = new ListEnd();
  #tick = 0;
  #cancelTimer: (() => void) | undefined;

  /** @param tickMs how long a tick is: deadlines are late by up to one, and never early */
  constructor(clock: Clock, tickMs: number) {
    this.#clock = clock;
    this.#tickMs = tickMs;
  }

  /** Lets a deadline that isn't queued expire after `ticks`, at least one, unless it is cancelled before. */
  add(deadline: Deadline, ticks: number): void {
    // How much is left of a tick that has begun isn't known.
    const dueTick = this.#tick + ticks + (this.#cancelTimer === undefined ? 0 : 1);
    // Nearly all have the same time to go, so that the newest comes last.
    let previous = this.#end.previous;
    while (previous.dueTick > dueTick) previous = previous.previous;
    const { next } = previous;
    deadline.dueTick = dueTick;
    deadline.previous = previous;
    deadline.next = next;
    previous.next = deadline;
    next.previous = deadline;
    if (this.#cancelTimer === undefined) this.#startTimer();
  }

  /** Ends the queue: nothing expires any more, and no timer is left. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = () => {};
  }

  #startTimer(): void {
    this.#cancelTimer = this.#clock.setTimer(this.#tickMs, () => this.#expireDue());
  }

  #expireDue(): void {
    this.#cancelTimer = undefined;
    const tick = ++this.#tick;
    const end = this.#end;
    try {
      for (let { next } = end; next !== end && next.dueTick <= tick; { next } = end) {
        next.cancel();
        next.expire();
      }
    } finally {
      // Where one of them throws, the others' time comes all the same, a tick later.
      if (end.isQueued && this.#cancelTimer === undefined) this.#startTimer();
    }
  }
}
