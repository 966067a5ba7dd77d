import type { CursorRow } from "../../subscriptions/capture.ts";
import type { SubscriptionRegistry } from "../../subscriptions/registry.ts";
import type { CatalogLookups, DamagedSubscriptionRow } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";
import type { DamagedSubscriptions } from "../directory/damaged_subscriptions.ts";

/** What subscriptions are restored from and into. */
export interface RestoreParts {
  catalog: Pick<CatalogLookups, "subscriptions" | "cursors" | "byId">;
  registry: Pick<SubscriptionRegistry, "restore">;
  damaged: DamagedSubscriptions;
}

/**
 * Restores all subscriptions from their rows, at the start. One whose row is damaged isn't there, and
 * stops nobody else. Where a cursor is damaged, all of its stream is pending: a worker may get again what
 * it has processed, and misses nothing.
 */
export function restoreSubscriptions({ catalog, registry, damaged }: RestoreParts): void {
  const rows = catalog.subscriptions(({ subscriptionId: id, name, reason }) =>
    damaged.addLost({ id, name, reason })
  );
  const lost: DamagedSubscriptionRow[] = [];
  const whole = catalog.cursors((cursor) => lost.push(cursor));
  const cursorsOf = Map.groupBy<number, CursorRow>(whole, ({ subscriptionId }) => subscriptionId);
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  for (const { subscriptionId, streamId, reason } of lost) {
    const name = subscriptionId === undefined ? undefined : names.get(subscriptionId);
    damaged.addCursor({ id: subscriptionId, name, reason });
    if (subscriptionId === undefined || streamId === undefined) continue;
    if (!isThere(catalog, streamId)) continue;
    const fromStart = { subscriptionId, streamId, position: 0 };
    cursorsOf.set(subscriptionId, [...cursorsOf.get(subscriptionId) ?? [], fromStart]);
  }
  for (const row of rows) registry.restore(row, cursorsOf.get(row.id) ?? []);
}

/** Whether a stream has a row: the id in a damaged one may be that of none. */
function isThere(catalog: RestoreParts["catalog"], streamId: number): boolean {
  try {
    return catalog.byId(streamId) !== undefined;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return true;
  }
}
