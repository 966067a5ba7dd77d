import type { Logger } from "@logtape/logtape";
import type { Clock } from "../../env/clock.ts";

const EVERY_MS = 10_000;

/** Warns of what others can cause as often as they like: at most once in ten seconds. */
export class ThrottledWarning {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #nextMs = -Infinity;
  #suppressed = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Logs it, with how many were held back since the last one, or holds it back. */
  warn(message: string): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#nextMs) {
      this.#suppressed++;
      return;
    }
    const more = this.#suppressed === 0
      ? ""
      : ` (${this.#suppressed} more since the last such line)`;
    this.#logger.warn("{message}", { message: message + more });
    this.#nextMs = nowMs + EVERY_MS;
    this.#suppressed = 0;
  }
}
