import type {
  CursorRow,
  SubscriptionCapture,
  SubscriptionRow,
} from "../../subscriptions/capture.ts";

/** The rows of transactions, for changes of subscriptions; those of one are never in two. */
interface Group {
  readonly rows: SubscriptionRow[];
  readonly cursors: CursorRow[];
  readonly deletedCursors: Omit<CursorRow, "position">[];
}

/**
 * Cuts what has changed of subscriptions into transactions: deletions first, since their names may have
 * been given again, and all of one subscription together, since its row says which records its cursors
 * include.
 *
 * @param groupRows where a transaction ends, once it has so many rows
 */
export function* subscriptionGroups(
  capture: SubscriptionCapture,
  groupRows: number,
): Generator<SubscriptionCapture> {
  const { deletedIds } = capture;
  for (let at = 0; at < deletedIds.length; at += groupRows) {
    yield { ...newGroup(), deletedIds: deletedIds.slice(at, at + groupRows) };
  }
  let group = newGroup();
  for (const each of bySubscription(capture).values()) {
    group.rows.push(...each.rows);
    for (const cursor of each.cursors) group.cursors.push(cursor);
    for (const cursor of each.deletedCursors) group.deletedCursors.push(cursor);
    if (sizeOf(group) < groupRows) continue;
    yield { ...group, deletedIds: [] };
    group = newGroup();
  }
  if (sizeOf(group) > 0) yield { ...group, deletedIds: [] };
}

function bySubscription(
  { rows, cursors, deletedCursors }: SubscriptionCapture,
): Map<number, Group> {
  const groups = new Map<number, Group>();
  const groupOf = (id: number): Group => {
    const group = groups.get(id) ?? newGroup();
    groups.set(id, group);
    return group;
  };
  for (const row of rows) groupOf(row.id).rows.push(row);
  for (const cursor of cursors) groupOf(cursor.subscriptionId).cursors.push(cursor);
  for (const cursor of deletedCursors) groupOf(cursor.subscriptionId).deletedCursors.push(cursor);
  return groups;
}

function newGroup(): Group {
  return { rows: [], cursors: [], deletedCursors: [] };
}

function sizeOf({ rows, cursors, deletedCursors }: Group): number {
  return rows.length + cursors.length + deletedCursors.length;
}
