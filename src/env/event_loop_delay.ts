import { clearInterval, setInterval } from "node:timers";

/** How often a timer is set to see how late it comes. */
const EVERY_MS = 25;
/** Nobody asks any more: the timer would only wake the process. */
const FORGOTTEN_AFTER_MS = 10 * 60_000;

/**
 * How late this thread is for its timers. It looks from the first time that it is asked, and as long as it
 * is asked again; it keeps no process alive.
 */
export class EventLoopDelay {
  #timer: ReturnType<typeof setInterval> | undefined;
  #dueMs = 0;
  #maxMs = 0;
  #askedMs = 0;

  /** The longest delay since the last call, in ms; 0 for the first one. */
  take(): number {
    const nowMs = performance.now();
    // A timer that is overdue now is late, too.
    const overdueMs = this.#timer === undefined ? 0 : nowMs - this.#dueMs;
    const maxMs = Math.max(this.#maxMs, overdueMs, 0);
    this.#maxMs = 0;
    this.#askedMs = nowMs;
    if (this.#timer === undefined) this.#start(nowMs);
    return maxMs;
  }

  /** Ends it; the next call of {@link take} begins anew. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #start(nowMs: number): void {
    this.#dueMs = nowMs + EVERY_MS;
    this.#timer = setInterval(() => this.#tick(), EVERY_MS);
    this.#timer.unref();
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#maxMs = Math.max(this.#maxMs, nowMs - this.#dueMs);
    this.#dueMs = nowMs + EVERY_MS;
    if (nowMs - this.#askedMs > FORGOTTEN_AFTER_MS) this.stop();
  }
}
