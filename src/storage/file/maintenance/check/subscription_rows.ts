import type { DatabaseSync } from "node:sqlite";
import { isDamage } from "../../directory/damage.ts";
import type { SqlRow } from "../../catalog/schema.ts";
import { toSubscriptionRow } from "../../catalog/subscription_rows.ts";
import { rowPages } from "../scan/row_pages.ts";
import { CATALOG_TABLES, wrongChecksum } from "../scan/table_rows.ts";
import { rowFinding } from "./catalog.ts";
import type { AffectedStream, Finding } from "./finding.ts";
import type { RowsFrame } from "./rows.ts";
import type { CheckScope } from "./scope.ts";

const { subscription: SUBSCRIPTION, cursor: CURSOR } = CATALOG_TABLES;

/** Looks up the newest record that a subscription's row includes. */
export function subscriptionLsns(database: DatabaseSync): (id: number) => number | undefined {
  const statement = database.prepare("SELECT position FROM subscription WHERE id = ?");
  return (id) => {
    const row = statement.get(id);
    return row && Number(row.position);
  };
}

/** Checks the rows of subscriptions, and their cursors against them and the streams. */
export function* checkSubscriptionRows(
  scope: CheckScope,
  database: DatabaseSync,
  frame: Pick<RowsFrame, "logged" | "logExtent">,
): Generator<Finding> {
  const cursors = new CursorCheck(scope, database, frame);
  for (const row of rowPages(database, CURSOR.name, CURSOR.key)) yield* cursors.check(row);
  for (const row of rowPages(database, SUBSCRIPTION.name, SUBSCRIPTION.key)) {
    yield* checkSubscription(scope, row, cursors.count(Number(row.id)), frame);
  }
}

function* checkSubscription(
  { paths }: CheckScope,
  row: SqlRow,
  cursors: number,
  { logExtent }: Pick<RowsFrame, "logExtent">,
): Generator<Finding> {
  const about = `subscription ${JSON.stringify(String(row.name))} (${Number(row.id)})`;
  const wrong = wrongChecksum(row, SUBSCRIPTION.columns);
  if (wrong !== undefined) {
    const message = `the row of ${about} fails its checksum`;
    yield rowFinding("subscription_row", paths.catalog, message, wrong);
    return;
  }
  try {
    const { cursorCount } = toSubscriptionRow(row, paths.catalog);
    if (cursors !== cursorCount) {
      const values = { expected: `${cursorCount}`, found: `${cursors}` };
      const message = `the row of ${about} counts other cursors than there are`;
      yield rowFinding("subscription_row", paths.catalog, message, values);
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    const message = `the row of ${about} has no body that can be read`;
    const values = { expected: "JSON of a subscription", found: error.message };
    yield rowFinding("subscription_row", paths.catalog, message, values);
  }
  if (!logExtent.isWhole || Number(row.position) <= logExtent.lastLsn) return;
  yield {
    kind: "log_gap",
    path: paths.log,
    position: 0,
    message: `the log ends before the newest record that the row of ${about} holds`,
    expected: `records up to ${Number(row.position)}`,
    found: `records up to ${logExtent.lastLsn}`,
  };
}

class CursorCheck {
  readonly #path: string;
  readonly #frame: Pick<RowsFrame, "logged">;
  readonly #lsnOf: (id: number) => number | undefined;
  readonly #streamOf: (id: number) => SqlRow | undefined;
  readonly #counts = new Map<number, number>();

  constructor(scope: CheckScope, database: DatabaseSync, frame: Pick<RowsFrame, "logged">) {
    this.#path = scope.paths.catalog;
    this.#frame = frame;
    this.#lsnOf = subscriptionLsns(database);
    const stream = database.prepare("SELECT name, tail FROM stream WHERE id = ?");
    this.#streamOf = (id) => stream.get(id);
  }

  /** How many cursors of a subscription were checked. */
  count(subscriptionId: number): number {
    return this.#counts.get(subscriptionId) ?? 0;
  }

  *check(row: SqlRow): Generator<Finding> {
    const subscriptionId = Number(row.subscription_id);
    this.#counts.set(subscriptionId, this.count(subscriptionId) + 1);
    const streamId = Number(row.stream_id);
    const stream = this.#streamOf(streamId);
    const affected = {
      id: streamId,
      name: stream === undefined ? undefined : String(stream.name),
    };
    const about = `the cursor of subscription ${subscriptionId}`;
    const wrong = wrongChecksum(row, CURSOR.columns);
    if (wrong !== undefined) {
      yield this.#finding(`${about} fails its checksum`, wrong, affected);
      return;
    }
    if (this.#lsnOf(subscriptionId) === undefined) {
      const values = { expected: `a row of subscription ${subscriptionId}`, found: "none" };
      yield this.#finding(`${about} is of none that is there`, values, affected);
    }
    yield* this.#position(Number(row.position), stream, affected, about);
  }

  *#position(
    position: number,
    row: SqlRow | undefined,
    affected: AffectedStream,
    about: string,
  ): Generator<Finding> {
    const logged = this.#frame.logged.get(affected.id);
    // What the log deletes takes its cursors with it.
    if (logged?.isDeleted) return;
    const isThere = row !== undefined || logged?.isKnown === true;
    if (!isThere) {
      const values = { expected: `a row of stream ${affected.id}`, found: "none" };
      yield this.#finding(`${about} is in a stream that isn't there`, values, affected);
      return;
    }
    const tail = logged?.tail ?? Number(row?.tail);
    if (position <= tail) return;
    const values = { expected: `at most its tail, ${tail}`, found: `${position}` };
    yield this.#finding(`${about} is ahead of its stream`, values, affected);
  }

  #finding(
    message: string,
    values: { expected: string; found: string },
    stream: AffectedStream,
  ): Finding {
    return { ...rowFinding("cursor_row", this.#path, message, values), stream };
  }
}
