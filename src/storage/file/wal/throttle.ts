import { nextTurn } from "../../yield_to_event_loop.ts";

/** Turns of the event loop without a record after which a busy log counts as idle. */
const PATIENT_TURNS = 32;

/** The log, as far as it sets a pace. */
export interface PacedLog {
  readonly assigned: number;
  readonly durableSequence: number;
  durable(sequence: number): Promise<void> | undefined;
}

/**
 * The pace of work in the background: it goes on where nothing is appended, steps back where something
 * is, and hurries where more would pile up meanwhile than there is room for.
 */
export class LogPace {
  readonly #log: PacedLog;
  readonly #mustHurry: () => boolean;
  #seenSequence = -1;

  /** @param mustHurry whether nothing is let through any more */
  constructor(log: PacedLog, mustHurry: () => boolean) {
    this.#log = log;
    this.#mustHurry = mustHurry;
  }

  /**
   * Lets so many batches through; where no records come, as many turns of the event loop; one turn
   * where it has to hurry.
   *
   * @throws {StreamError} `storage_failed`
   */
  async letThrough(batches: number): Promise<void> {
    const log = this.#log;
    await nextTurn();
    let turns = log.assigned > this.#seenSequence ? PATIENT_TURNS : batches;
    let left = batches;
    while (left > 0 && turns > 0 && !this.#mustHurry()) {
      if (log.assigned > log.durableSequence) {
        await log.durable(log.durableSequence + 1);
        left--;
      } else {
        await nextTurn();
        turns--;
      }
    }
    this.#seenSequence = log.assigned;
  }
}
