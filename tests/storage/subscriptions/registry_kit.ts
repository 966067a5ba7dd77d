import type { SubscriptionChange, SubscriptionRecord } from "../../../src/storage/records.ts";
import {
  NEW_SUBSCRIPTION,
  type SubscriptionConfig,
  type SubscriptionState,
} from "../../../src/storage/subscription.ts";
import type { CursorRow, SubscriptionCapture } from "../../../src/storage/subscriptions/capture.ts";
import { SubscriptionRegistry } from "../../../src/storage/subscriptions/registry.ts";

export const AT_MS = 1_767_225_600_000;

/** The configuration of a subscription of `a/*`. */
export function configOf(more: Partial<SubscriptionConfig> = {}): SubscriptionConfig {
  return {
    type: "webhook",
    pattern: "a/*",
    streams: [],
    webhookUrl: "https://worker.example/hook",
    wakeStream: undefined,
    leaseMs: 30_000,
    description: undefined,
    ...more,
  };
}

/** A record of a subscription. */
export function recordOf(id: number, change: SubscriptionChange): SubscriptionRecord {
  return { kind: "subscription", id, atMs: AT_MS, change };
}

/** A subscription's creation. */
export function created(id: number, name: string, more: Partial<SubscriptionConfig> = {}) {
  return recordOf(id, {
    kind: "create",
    name,
    config: configOf(more),
    hash: "h",
    baseUrl: "http://localhost",
  });
}

/** A change of state, with acks as stream, position and whether that is the tail. */
export function stateOf(
  id: number,
  more: Partial<SubscriptionState>,
  acks: readonly (readonly [number, number, boolean])[] = [],
): SubscriptionRecord {
  return recordOf(id, {
    kind: "state",
    state: { ...NEW_SUBSCRIPTION, ...more },
    acks: acks.map(([streamId, position, isTail]) => ({ streamId, position, isTail })),
    wakeStreams: undefined,
  });
}

/** The cursors of a subscription, by stream. */
export function cursorsOf(registry: SubscriptionRegistry, id: number): Record<number, number> {
  return Object.fromEntries(registry.get(id)?.cursors ?? []);
}

/** All that a registry knows, to be compared. */
export function contentOf(registry: SubscriptionRegistry) {
  return [...registry.entries()].map((entry) => {
    const { lsn: _, ...row } = entry.toRow(0);
    return { ...row, cursors: [...entry.cursors].sort(([one], [other]) => one - other) };
  }).sort((one, other) => one.id - other.id);
}

/** A catalogue's tables: what captures leave there. */
export class Rows {
  readonly rows = new Map<number, SubscriptionCapture["rows"][number]>();
  readonly cursors = new Map<string, CursorRow>();

  store({ deletedIds, rows, cursors, deletedCursors }: SubscriptionCapture): void {
    for (const id of deletedIds) {
      this.rows.delete(id);
      for (const [key, { subscriptionId }] of this.cursors) {
        if (subscriptionId === id) this.cursors.delete(key);
      }
    }
    for (const row of rows) this.rows.set(row.id, row);
    for (const cursor of cursors) this.cursors.set(keyOf(cursor), cursor);
    for (const cursor of deletedCursors) this.cursors.delete(keyOf(cursor));
  }

  /** What a start makes of them. */
  restored(): SubscriptionRegistry {
    const registry = new SubscriptionRegistry();
    for (const row of this.rows.values()) {
      const cursors = [...this.cursors.values()]
        .filter(({ subscriptionId }) => subscriptionId === row.id);
      registry.restore(row, cursors);
    }
    return registry;
  }
}

function keyOf({ subscriptionId, streamId }: Omit<CursorRow, "position">): string {
  return `${subscriptionId} ${streamId}`;
}
