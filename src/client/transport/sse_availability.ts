import type { Clock } from "../../env/clock.ts";

/** How long SSE counts as blocked; after that, the machine may be in another network. */
const REMEMBERED_MS = 10 * 60_000;

/** Whether server-sent events reach the client; its readers share what they find out. */
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

  /** Notes that the network delays SSE, or cuts it again and again. */
  noteBlocked(): void {
    this.#blockedUntilMs = this.#clock.nowMs() + REMEMBERED_MS;
  }
}
