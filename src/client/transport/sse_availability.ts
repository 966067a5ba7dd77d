import type { Clock } from "../../env/clock.ts";

/** How long it is remembered that SSE doesn't get through: the machine may come into another network. */
const REMEMBERED_MS = 10 * 60_000;

/** Whether server-sent events get through to a client, which all of its readers find out together. */
export class SseAvailability {
  readonly #clock: Clock;
  #blockedUntilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether SSE is worth a try. */
  get isAvailable(): boolean {
    return this.#clock.nowMs() >= this.#blockedUntilMs;
  }

  /** Notes that something on the way holds SSE back, or cuts it again and again. */
  noteBlocked(): void {
    this.#blockedUntilMs = this.#clock.nowMs() + REMEMBERED_MS;
  }
}
