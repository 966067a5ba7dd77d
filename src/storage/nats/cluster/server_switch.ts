import type { Clock } from "../../../env/clock.ts";
import type { JetStream } from "../jetstream.ts";
import type { ClusterHealth } from "./cluster_health.ts";

/** Longer than the servers take to agree on another leader. */
const SWITCH_AFTER_MS = 6_000;

/**
 * Goes over to another server where this one has given no answers for long: cut off from the others, it is
 * still reached, but will never answer.
 */
export class ServerSwitch {
  readonly #jetStream: JetStream;
  readonly #health: ClusterHealth;
  readonly #clock: Clock;
  #switchedMs = -Infinity;

  constructor(jetStream: JetStream, health: ClusterHealth, clock: Clock) {
    this.#jetStream = jetStream;
    this.#health = health;
    this.#clock = clock;
  }

  /** To be called about once a second. */
  tick(): void {
    const { failure } = this.#health;
    if (failure === undefined || !this.#jetStream.isConnected) return;
    const nowMs = this.#clock.nowMs();
    if (nowMs - Math.max(failure.sinceMs, this.#switchedMs) < SWITCH_AFTER_MS) return;
    this.#switchedMs = nowMs;
    this.#jetStream.switchServer?.();
  }
}
