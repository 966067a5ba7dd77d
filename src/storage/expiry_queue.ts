interface Entry {
  id: number;
  atMs: number;
}

/** Streams in the order in which they are to be looked at because their time may be over: a heap. */
export class ExpiryQueue {
  readonly #heap: Entry[] = [];
  readonly #ids = new Set<number>();

  /** How many there are. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the first of them is due; `Infinity` where there is none. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  /** Notes when a stream is to be looked at; one that is noted already stays where it is. */
  add(id: number, atMs: number): void {
    if (atMs === Infinity || this.#ids.has(id)) return;
    this.#ids.add(id);
    const entry = { id, atMs };
    let at = this.#heap.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.atMs <= atMs) break;
      this.#heap[at] = parent;
      at = above;
    }
    this.#heap[at] = entry;
  }

  /** Takes out at most `limit` ids that are due, first due first. */
  take(nowMs: number, limit: number): number[] {
    const ids: number[] = [];
    while (ids.length < limit && this.nextMs <= nowMs) {
      const first = this.#heap[0];
      const last = this.#heap.pop();
      if (first === undefined || last === undefined) break;
      if (this.#heap.length > 0) this.#sink(last);
      this.#ids.delete(first.id);
      ids.push(first.id);
    }
    return ids;
  }

  /** Puts an entry in the place of the first. */
  #sink(entry: Entry): void {
    let at = 0;
    while (true) {
      let below = 2 * at + 1;
      let child = this.#heap[below];
      const right = this.#heap[below + 1];
      if (child !== undefined && right !== undefined && right.atMs < child.atMs) {
        below++;
        child = right;
      }
      if (child === undefined || child.atMs >= entry.atMs) break;
      this.#heap[at] = child;
      at = below;
    }
    this.#heap[at] = entry;
  }
}
