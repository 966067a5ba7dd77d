import { yieldToEventLoop } from "../../yield_to_event_loop.ts";

/** Turns of the event loop without a record after which a busy log counts as idle. */
const IDLE_TURNS = 32;

/** The log, as far as it sets a pace. */
export interface ThrottleLog {
  readonly assignedLsn: number;
  readonly durableLsn: number;
  durable(lsn: number): Promise<void> | undefined;
}

/**
 * The pace of work in the background: it goes on where nothing is appended, steps back where something
 * is, and is urgent where more would pile up meanwhile than there is room for.
 */
export class Throttle {
  readonly #log: ThrottleLog;
  readonly #isUrgent: () => boolean;
  #seenLsn = -1;

  /** @param isUrgent whether it yields to nothing but what is ready any more */
  constructor(log: ThrottleLog, isUrgent: () => boolean) {
    this.#log = log;
    this.#isUrgent = isUrgent;
  }

  /** Whether more piles up than there is room for. */
  get isUrgent(): boolean {
    return this.#isUrgent();
  }

  /**
   * Yields to so many batches; where no records come, as many turns of the event loop; one turn
   * where it is urgent.
   *
   * @throws {StreamError} `storage_failed`
   */
  async yieldFor(batches: number): Promise<void> {
    const log = this.#log;
    await yieldToEventLoop();
    let turns = log.assignedLsn > this.#seenLsn ? IDLE_TURNS : batches;
    let left = batches;
    while (left > 0 && turns > 0 && !this.#isUrgent()) {
      if (log.assignedLsn > log.durableLsn) {
        await log.durable(log.durableLsn + 1);
        left--;
      } else {
        await yieldToEventLoop();
        turns--;
      }
    }
    this.#seenLsn = log.assignedLsn;
  }
}
