interface Entry {
  readonly id: number;
  dueMs: number;
  /** Where it is in the heap. */
  index: number;
}

/**
 * What is to be looked at, each at its own time: streams whose time may be over, subscriptions whose next
 * step is due. A binary heap whose entries know their places, so that one is moved or taken out without
 * a search, and nothing of it stays.
 */
export class DueQueue {
  readonly #heap: Entry[] = [];
  readonly #entries = new Map<number, Entry>();

  /** How many there are. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the first of them is due; `Infinity` where there is none. */
  get nextMs(): number {
    return this.#heap[0]?.dueMs ?? Infinity;
  }

  /** Says when an id is due, instead of what was said before; one that never is isn't in the queue. */
  set(id: number, dueMs: number): void {
    if (dueMs === Infinity) {
      this.delete(id);
      return;
    }
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { id, dueMs, index: this.#heap.length };
      this.#entries.set(id, entry);
    } else {
      entry.dueMs = dueMs;
    }
    this.#place(entry, entry.index);
  }

  /** Takes an id out; it may be out already. */
  delete(id: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#remove(entry);
  }

  /** Takes out at most `limit` ids that are due, first due first. */
  take(nowMs: number, limit: number): number[] {
    const ids: number[] = [];
    while (ids.length < limit) {
      const first = this.#heap[0];
      if (first === undefined || first.dueMs > nowMs) break;
      this.#remove(first);
      ids.push(first.id);
    }
    return ids;
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.id);
    const last = this.#heap.pop();
    if (last !== undefined && last !== entry) this.#place(last, entry.index);
  }

  /** Puts an entry in a place that is free, or in one above or below it where it belongs. */
  #place(entry: Entry, free: number): void {
    let index = free;
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1];
      if (parent === undefined || parent.dueMs <= entry.dueMs) break;
      index = this.#move(parent, index);
    }
    // One that has risen is earlier than what was above, and so than all that is below.
    if (index === free) index = this.#sink(entry.dueMs, free);
    this.#move(entry, index);
  }

  /** Moves what is due before that up from below a free place; the place that is free then. */
  #sink(dueMs: number, free: number): number {
    let index = free;
    while (true) {
      let child = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      if (child !== undefined && right !== undefined && right.dueMs < child.dueMs) child = right;
      if (child === undefined || child.dueMs >= dueMs) return index;
      index = this.#move(child, index);
    }
  }

  /** Puts an entry in a free place; the one where it was. */
  #move(entry: Entry, index: number): number {
    const before = entry.index;
    entry.index = index;
    this.#heap[index] = entry;
    return before;
  }
}
