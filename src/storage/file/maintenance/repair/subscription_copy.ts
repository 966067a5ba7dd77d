import type { DatabaseSync } from "node:sqlite";
import type { SqlRow } from "../../catalog/schema.ts";
import {
  encodeSubscription,
  subscriptionValues,
  toSubscriptionRow,
} from "../../catalog/subscription_rows.ts";
import { isDamage } from "../../directory/damage.ts";
import { CATALOG_TABLES, foundRows, integerOf, textOf } from "../scan/table_rows.ts";
import { type CatalogDataLoss, nameOf } from "./catalog_data_loss.ts";
import { checkedValues } from "./row_values.ts";

const { subscription: SUBSCRIPTION, cursor: CURSOR } = CATALOG_TABLES;

/**
 * Copies whole subscriptions and their cursors. A damaged cursor of a stream that is there begins at the
 * stream's start: nothing is left out, though some of it may have been processed.
 *
 * @param sink has the streams already
 */
export function copySubscriptions(
  source: DatabaseSync,
  sink: DatabaseSync,
  dataLoss: CatalogDataLoss,
): void {
  const insert = sink.prepare("INSERT OR IGNORE INTO subscription VALUES (?, ?, ?, ?, ?)");
  const rows = foundRows(source, SUBSCRIPTION);
  let next = rows.next();
  for (; !next.done; next = rows.next()) {
    const { row, checks } = next.value;
    const values = checkedValues(row, SUBSCRIPTION.columns);
    const isCopied = checks && isWhole(row) && Number(insert.run(...values).changes) === 1;
    if (!isCopied) dataLoss.subscription(row);
  }
  if (!next.value) dataLoss.unread(SUBSCRIPTION.name);
  recountCursors(sink, copyCursors(source, sink, dataLoss), dataLoss);
}

/** How many cursors were found of each subscription. */
function copyCursors(
  source: DatabaseSync,
  sink: DatabaseSync,
  dataLoss: CatalogDataLoss,
): Map<number, number> {
  const found = new Map<number, number>();
  const insert = sink.prepare("INSERT OR IGNORE INTO cursor VALUES (?, ?, ?, ?)");
  const subscription = sink.prepare("SELECT name FROM subscription WHERE id = ?");
  const stream = sink.prepare("SELECT tail FROM stream WHERE id = ?");
  const rows = foundRows(source, CURSOR);
  let next = rows.next();
  for (; !next.done; next = rows.next()) {
    const { row, checks } = next.value;
    const streamId = integerOf(row.stream_id);
    const subscriptionId = integerOf(row.subscription_id);
    found.set(subscriptionId, (found.get(subscriptionId) ?? 0) + 1);
    const owner = textOf(subscription.get(subscriptionId)?.name);
    const tail = stream.get(streamId)?.tail;
    if (owner === undefined || tail === undefined) {
      dataLoss.cursor(row, owner, nameOf(sink, streamId));
    } else if (!checks) {
      insert.run(...checkedValues({ ...row, position: 0 }, CURSOR.columns));
      dataLoss.cursor(row, owner, nameOf(sink, streamId), "pending");
    } else if (integerOf(row.position) > integerOf(tail)) {
      dataLoss.cursor(row, owner, nameOf(sink, streamId), "processed");
    } else {
      insert.run(...checkedValues(row, CURSOR.columns));
    }
  }
  if (!next.value) dataLoss.unread(CURSOR.name);
  return found;
}

/** Each row says how many cursors there are now; those that damage has hidden are lost. */
function recountCursors(
  sink: DatabaseSync,
  found: ReadonlyMap<number, number>,
  dataLoss: CatalogDataLoss,
): void {
  const counted = sink.prepare("SELECT count(*) AS count FROM cursor WHERE subscription_id = ?");
  const update = sink.prepare("UPDATE subscription SET body = ?, crc32 = ? WHERE id = ?");
  for (const stored of sink.prepare("SELECT * FROM subscription").all()) {
    const row = toSubscriptionRow(stored, "");
    const cursorCount = integerOf(counted.get(row.id)?.count);
    if (cursorCount === row.cursorCount) continue;
    const foundCount = found.get(row.id) ?? 0;
    if (foundCount < row.cursorCount) {
      dataLoss.cursors(row.id, row.name, row.cursorCount, foundCount);
    }
    const [, , , body = "", crc32 = 0] = subscriptionValues(
      encodeSubscription({ ...row, cursorCount }),
    );
    update.run(body, crc32, row.id);
  }
}

/** Whether a row with the right checksum holds a subscription. */
function isWhole(row: SqlRow): boolean {
  try {
    toSubscriptionRow(row, "");
    return true;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return false;
  }
}
