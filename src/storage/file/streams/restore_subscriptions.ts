import type { CursorRow, SubscriptionRow } from "../../subscriptions/capture.ts";
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
 * it has processed, and misses nothing. Where damage hides one altogether, nobody knows which: the
 * subscription isn't there then either, for it would pass over what is pending.
 */
export function restoreSubscriptions({ catalog, registry, damaged }: RestoreParts): void {
  const rows = catalog.subscriptions(({ subscriptionId: id, name, reason }) =>
    damaged.addLost({ id, name, reason })
  );
  const lost: DamagedSubscriptionRow[] = [];
  /** Damaged cursors of streams that aren't there: what they say is nobody's matter. */
  const gone = new Map<number, number>();
  const whole = catalog.cursors((cursor) => lost.push(cursor));
  const cursorsOf = Map.groupBy<number, CursorRow>(whole, ({ subscriptionId }) => subscriptionId);
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  for (const { subscriptionId, streamId, reason } of lost) {
    const name = subscriptionId === undefined ? undefined : names.get(subscriptionId);
    damaged.addCursor({ id: subscriptionId, name, reason });
    if (subscriptionId === undefined || streamId === undefined) continue;
    if (!isThere(catalog, streamId)) {
      gone.set(subscriptionId, (gone.get(subscriptionId) ?? 0) + 1);
      continue;
    }
    const fromStart = { subscriptionId, streamId, position: 0 };
    cursorsOf.set(subscriptionId, [...cursorsOf.get(subscriptionId) ?? [], fromStart]);
  }
  for (const row of rows) {
    const cursors = cursorsOf.get(row.id) ?? [];
    const count = cursors.length + (gone.get(row.id) ?? 0);
    if (count === row.cursorCount) registry.restore(row, cursors);
    else damaged.addLost({ id: row.id, name: row.name, reason: hiddenCursors(row, count) });
  }
}

function hiddenCursors({ id, cursorCount }: SubscriptionRow, found: number): string {
  return `The catalogue should have ${cursorCount} cursors of subscription ${id}, and has ${found}.`;
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
