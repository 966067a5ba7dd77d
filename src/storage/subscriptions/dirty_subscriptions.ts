import type { CursorRow, SubscriptionCapture, SubscriptionRow } from "./capture.ts";
import type { SubscriptionEntry } from "./subscription_entry.ts";

/** What the rows lack: subscriptions that have changed, and the cursors that came, moved or went. */
export class DirtySubscriptions {
  /** With the streams whose cursors have changed. */
  #changed = new Map<SubscriptionEntry, Set<number>>();
  #deletedIds = new Set<number>();
  /** What was captured and isn't stored yet. */
  #captured: { changed: Map<SubscriptionEntry, Set<number>>; deletedIds: Set<number> } | undefined;
  #count = 0;

  /** How many rows there are to store or to delete. */
  get count(): number {
    return this.#count;
  }

  /** The subscription's row lacks something. */
  add(entry: SubscriptionEntry): Set<number> {
    let streamIds = this.#changed.get(entry);
    if (streamIds === undefined) {
      streamIds = new Set();
      this.#changed.set(entry, streamIds);
      this.#count++;
    }
    return streamIds;
  }

  /** A cursor of the subscription came, moved or went. */
  addCursor(entry: SubscriptionEntry, streamId: number): void {
    const streamIds = this.add(entry);
    if (streamIds.has(streamId)) return;
    streamIds.add(streamId);
    this.#count++;
  }

  /** The subscription is gone, and its cursors with it. */
  addDeleted(entry: SubscriptionEntry): void {
    const streamIds = this.#changed.get(entry);
    if (streamIds !== undefined) this.#count -= 1 + streamIds.size;
    this.#changed.delete(entry);
    this.#deletedIds.add(entry.id);
    this.#count++;
  }

  /** All of it, as it is now; it is dirty again unless {@link markStored} follows. */
  capture(lsn: number): SubscriptionCapture {
    this.#takeBack();
    const changed = this.#changed;
    const deletedIds = this.#deletedIds;
    this.#captured = { changed, deletedIds };
    this.#changed = new Map();
    this.#deletedIds = new Set();
    this.#count = 0;
    const rows: SubscriptionRow[] = [];
    const cursors: CursorRow[] = [];
    const deletedCursors: Omit<CursorRow, "position">[] = [];
    for (const [entry, streamIds] of changed) {
      rows.push(entry.toRow(lsn));
      for (const streamId of streamIds) {
        const position = entry.cursors.get(streamId);
        if (position === undefined) deletedCursors.push({ subscriptionId: entry.id, streamId });
        else cursors.push({ subscriptionId: entry.id, streamId, position });
      }
    }
    return { deletedIds: [...deletedIds], rows, cursors, deletedCursors };
  }

  /** What was captured is stored. */
  markStored(): void {
    this.#captured = undefined;
  }

  /** What was captured last was never stored. */
  #takeBack(): void {
    if (this.#captured === undefined) return;
    const { changed, deletedIds } = this.#captured;
    this.#captured = undefined;
    for (const [entry, streamIds] of changed) {
      if (entry.isDeleted) continue;
      this.add(entry);
      for (const streamId of streamIds) this.addCursor(entry, streamId);
    }
    for (const id of deletedIds) {
      this.#deletedIds.add(id);
      this.#count++;
    }
  }
}
