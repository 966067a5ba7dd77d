import { getLogger } from "@logtape/logtape";
import type { DamagedSubscription } from "../../status.ts";

const logger = getLogger(["durable-streams", "storage"]);

/** A status names at most this many. */
const NAMED = 20;

/** Damage to subscriptions that the start has met: it stops no other subscription and no stream. */
export class DamagedSubscriptions {
  readonly #found: DamagedSubscription[] = [];
  #hasLost = false;

  /** How much there is. */
  get count(): number {
    return this.#found.length;
  }

  /** Whether subscriptions aren't there because of it. */
  get hasLost(): boolean {
    return this.#hasLost;
  }

  /** The first of it, for a status. */
  get named(): readonly DamagedSubscription[] {
    return this.#found.slice(0, NAMED);
  }

  /** A subscription isn't there. */
  addLost(subscription: DamagedSubscription): void {
    this.#hasLost = true;
    this.#found.push(subscription);
    logger.error(
      "Subscription {name} (id {id}) is damaged and not there until it is created again: {reason} " +
        "`durable-streams check` and `repair` say more once the server is stopped.",
      described(subscription),
    );
  }

  /** How far a subscription has come isn't known everywhere. */
  addCursor(subscription: DamagedSubscription): void {
    this.#found.push(subscription);
    logger.error(
      "How far subscription {name} (id {id}) has come can't be read everywhere: {reason} " +
        "`durable-streams check` and `repair` say more once the server is stopped.",
      described(subscription),
    );
  }
}

function described({ id, name, reason }: DamagedSubscription): Record<string, unknown> {
  return {
    id: id ?? "unknown",
    name: name ?? "whose name can't be read",
    reason,
  };
}
