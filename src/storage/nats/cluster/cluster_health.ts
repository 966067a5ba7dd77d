import type { Clock } from "../../../env/clock.ts";

/** Why the cluster gives no answers, and since when. */
export interface ClusterFailure {
  readonly reason: string;
  readonly sinceMs: number;
}

/** Whether the cluster takes messages and answers, as far as calls have shown. */
export class ClusterHealth {
  readonly #clock: Clock;
  #failure: ClusterFailure | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The newest failure, and when the first one was since a message was taken. */
  get failure(): ClusterFailure | undefined {
    return this.#failure;
  }

  /** A call came to nothing. */
  fail(reason: string): void {
    this.#failure = { reason, sinceMs: this.#failure?.sinceMs ?? this.#clock.nowMs() };
  }

  /** A message was taken, or refused by one that could have taken it. */
  recover(): void {
    this.#failure = undefined;
  }
}
