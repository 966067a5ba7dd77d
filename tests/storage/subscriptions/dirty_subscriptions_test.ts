import { deepEqual, equal } from "node:assert/strict";
import { DirtySubscriptions } from "../../../src/storage/subscriptions/dirty_subscriptions.ts";
import { SubscriptionEntry } from "../../../src/storage/subscriptions/subscription_entry.ts";
import { NEW_SUBSCRIPTION } from "../../../src/storage/subscription.ts";
import { AT_MS, configOf } from "./registry_kit.ts";

function entryOf(id: number): SubscriptionEntry {
  const row = {
    id,
    name: `s${id}`,
    lsn: 1,
    createdAtMs: AT_MS,
    config: configOf(),
    hash: "h",
    baseUrl: "",
    links: [],
    state: NEW_SUBSCRIPTION,
    wakeStreams: [],
    cursorCount: 0,
  };
  return new SubscriptionEntry(row, undefined, 0);
}

const ids = (rows: readonly { id: number }[]) => rows.map(({ id }) => id);

Deno.test("dirty subscriptions: a capture has rows of that LSN, and cursors as they are then", () => {
  const dirty = new DirtySubscriptions();
  const entry = entryOf(1);
  entry.cursors.set(10, 5);
  dirty.addCursor(entry, 10);
  dirty.addCursor(entry, 11);
  entry.cursors.set(10, 6);
  equal(dirty.count, 3);
  const captured = dirty.capture(42);
  deepEqual(captured.rows, [{ ...entry.toRow(42) }]);
  equal(captured.rows[0]?.lsn, 42);
  deepEqual(captured.cursors, [{ subscriptionId: 1, streamId: 10, position: 6 }]);
  deepEqual(captured.deletedCursors, [{ subscriptionId: 1, streamId: 11 }]);
  deepEqual(captured.deletedIds, []);
});

Deno.test("dirty subscriptions: what was stored is in no later capture", () => {
  const dirty = new DirtySubscriptions();
  dirty.add(entryOf(1));
  dirty.capture(1);
  dirty.markStored();
  dirty.add(entryOf(2));
  deepEqual(ids(dirty.capture(2).rows), [2]);
});

Deno.test("dirty subscriptions: what a failed checkpoint captured is in the next capture again", () => {
  const dirty = new DirtySubscriptions();
  const [one, two] = [entryOf(1), entryOf(2)];
  one.cursors.set(10, 5);
  dirty.addCursor(one, 10);
  dirty.addDeleted(entryOf(3));
  dirty.capture(1);
  dirty.add(two);
  one.cursors.delete(10);
  const captured = dirty.capture(2);
  deepEqual(ids(captured.rows).sort(), [1, 2]);
  deepEqual(captured.deletedCursors, [{ subscriptionId: 1, streamId: 10 }]);
  deepEqual(captured.deletedIds, [3]);
  equal(captured.rows[0]?.lsn, 2, "as of then, not of the first capture");
});

Deno.test("dirty subscriptions: one that is deleted has no row and no cursors in a capture", () => {
  const dirty = new DirtySubscriptions();
  const entry = entryOf(1);
  dirty.addCursor(entry, 10);
  entry.isDeleted = true;
  dirty.addDeleted(entry);
  equal(dirty.count, 1);
  deepEqual(dirty.capture(1), { deletedIds: [1], rows: [], cursors: [], deletedCursors: [] });
});

Deno.test("dirty subscriptions: one that is deleted after a failed capture doesn't come back", () => {
  const dirty = new DirtySubscriptions();
  const entry = entryOf(1);
  dirty.addCursor(entry, 10);
  dirty.capture(1);
  entry.isDeleted = true;
  dirty.addDeleted(entry);
  deepEqual(dirty.capture(2), { deletedIds: [1], rows: [], cursors: [], deletedCursors: [] });
  dirty.markStored();
  equal(dirty.count, 0);
  deepEqual(dirty.capture(3).deletedIds, []);
});
