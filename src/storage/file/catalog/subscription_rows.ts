import type { SQLInputValue } from "node:sqlite";
import type { CursorRow, SubscriptionRow } from "../../subscriptions/capture.ts";
import { decodeBody, encodeBody } from "../../subscriptions/subscription_json.ts";
import type { DamagedSubscriptionRow } from "./catalog.ts";
import { damagedRead } from "../directory/damage.ts";
import { checkRow, rowChecksum, type SqlRow } from "./schema.ts";

/** The columns of `subscription` that the checksum covers; `crc32` follows. */
export const SUBSCRIPTION_COLUMNS = ["id", "name", "position", "body"] as const;

/** The columns of `cursor` that the checksum covers; `crc32` follows. */
export const CURSOR_COLUMNS = ["subscription_id", "stream_id", "position"] as const;

/** A subscription as its row has it. */
export interface EncodedSubscription {
  readonly id: number;
  readonly name: string;
  readonly lsn: number;
  /** JSON. */
  readonly body: string;
}

/** A subscription as it goes into its row. */
export function encodeSubscription(
  { id, name, lsn, ...body }: SubscriptionRow,
): EncodedSubscription {
  return { id, name, lsn, body: encodeBody(body) };
}

/** The values of {@link SUBSCRIPTION_COLUMNS}, then the checksum. */
export function subscriptionValues({ id, name, lsn, body }: EncodedSubscription): SQLInputValue[] {
  const values = [id, name, lsn, body];
  return [...values, rowChecksum(values)];
}

/** The values of {@link CURSOR_COLUMNS}, then the checksum. */
export function cursorValues({ subscriptionId, streamId, position }: CursorRow): SQLInputValue[] {
  const values = [subscriptionId, streamId, position];
  return [...values, rowChecksum(values)];
}

/**
 * The subscription in a row.
 *
 * @throws {StreamError} `damaged`
 */
export function toSubscriptionRow(found: SqlRow, path: string): SubscriptionRow {
  const row = withNumbers(found);
  checkRow(row, SUBSCRIPTION_COLUMNS, path, "subscription");
  const about = { id: Number(row.id), name: String(row.name), lsn: Number(row.position) };
  try {
    return { ...about, ...decodeBody(String(row.body)) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const expected = `the body of subscription ${about.id}`;
    throw damagedRead({ path, filePosition: 0, expected, found: error.message });
  }
}

/**
 * The cursor in a row.
 *
 * @throws {StreamError} `damaged`
 */
export function toCursorRow(found: SqlRow, path: string): CursorRow {
  const row = withNumbers(found);
  checkRow(row, CURSOR_COLUMNS, path, "cursor");
  return {
    subscriptionId: Number(row.subscription_id),
    streamId: Number(row.stream_id),
    position: Number(row.position),
  };
}

/** What a row of either table that fails its checksum seems to be of. */
export function whatIsLeftOf(row: SqlRow): Omit<DamagedSubscriptionRow, "reason"> {
  const isCursor = row.stream_id !== undefined;
  return {
    subscriptionId: Number(isCursor ? row.subscription_id : row.id),
    name: typeof row.name === "string" ? row.name : undefined,
    streamId: isCursor ? Number(row.stream_id) : undefined,
  };
}

/** A damaged number may be too big for one: then it fails the checksum. */
function withNumbers(row: SqlRow): SqlRow {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      typeof value === "bigint" ? Number(value) : value,
    ]),
  );
}
