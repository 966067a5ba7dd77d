import { Backoff, withoutJitter } from "../../../env/backoff.ts";
import type { Clock } from "../../../env/clock.ts";
import { isShortage, type ShortageError, type ShortageKind } from "../../../env/file_system.ts";

const RETRIES = { initialDelayMs: 500, maxDelayMs: 8000, random: withoutJitter };

/** What a {@link Shortage} calls. */
export interface ShortageCallbacks {
  /** It is time to look again where nothing is held; ends in `begin` or `end`. */
  recheck(): void;
  /** Something is lacking that wasn't before. */
  onEnter(error: ShortageError): void;
}

/**
 * What the log was found to lack: room on the disk, or descriptors. A batch that can't be written for
 * want of it is held, and tried again less and less often.
 */
export class Shortage {
  readonly #clock: Clock;
  readonly #callbacks: ShortageCallbacks;
  #kind: ShortageKind | undefined;
  readonly #backoff = new Backoff(RETRIES);
  #cancelTimer: (() => void) | undefined;
  /** Lets the batch that is held be tried again. */
  #resume: (() => void) | undefined;
  #isStopped = false;

  constructor(clock: Clock, calls: ShortageCallbacks) {
    this.#clock = clock;
    this.#callbacks = calls;
  }

  /** What is lacking now. */
  get kind(): ShortageKind | undefined {
    return this.#kind;
  }

  /** Whether a batch waits for what it lacks; all that is recorded waits behind it. */
  get isHolding(): boolean {
    return this.#resume !== undefined;
  }

  /** Something is lacking. */
  enter(error: ShortageError): void {
    const isNew = this.#kind === undefined;
    this.#cancelTimer?.();
    this.#kind = error.kind;
    const retryMs = this.#backoff.next();
    if (!this.#isStopped) {
      this.#cancelTimer = this.#clock.setTimer(retryMs, () => this.#retry());
    }
    if (isNew) this.#callbacks.onEnter(error);
  }

  /** Nothing is lacking any more. */
  leave(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#kind = undefined;
    this.#backoff.reset();
  }

  /**
   * Resolves when what has failed may be tried again.
   *
   * @throws what it failed with, where that isn't for want of something, or nobody waits any more
   */
  async hold(error: unknown): Promise<void> {
    if (!isShortage(error) || this.#isStopped) throw error;
    this.enter(error);
    await new Promise<void>((resolve) => this.#resume = resolve);
  }

  /** Tries what is held at once: there may be room now. */
  tryHeld(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  #retry(): void {
    this.#cancelTimer = undefined;
    if (this.isHolding) this.tryHeld();
    else this.#callbacks.recheck();
  }

  /** Nobody waits any more: what is held is tried once more, and then fails. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.tryHeld();
  }
}
