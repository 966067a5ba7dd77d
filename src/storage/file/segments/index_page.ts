import { INDEX_ENTRY_BYTES, type IndexEntry, indexEntryAt, indexFieldAt } from "./index_format.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { viewOf } from "../directory/bytes_io.ts";

/** Entries of an index are read this many at a time. */
export const PAGE_ENTRIES = 128;

/** Some entries of an index, checked, in as little memory as they take on disk. */
export class IndexPage {
  /** How many entries it has: fewer than {@link PAGE_ENTRIES} where the index ended when it was read. */
  readonly count: number;
  readonly #view: DataView<ArrayBuffer>;
  /** When each entry's block was checked last, in ms; 0 where it never was. */
  #checkedMs: Float64Array | undefined;

  /** @param bytes whole entries, all of which check */
  constructor(bytes: Bytes) {
    this.#view = viewOf(bytes);
    this.count = bytes.length / INDEX_ENTRY_BYTES;
  }

  /** The entry of this number in the page. */
  entry(index: number): IndexEntry {
    return indexEntryAt(this.#view, index * INDEX_ENTRY_BYTES);
  }

  /** When the block of such an entry was found to be whole, in ms; 0 where it never was. */
  checkedMs(index: number): number {
    return this.#checkedMs?.[index] ?? 0;
  }

  /** Says that the block of such an entry is whole. */
  markChecked(index: number, nowMs: number): void {
    this.#checkedMs ??= new Float64Array(this.count);
    this.#checkedMs[index] = nowMs;
  }

  /** What such an entry says of one thing alone: a search needs no more of it. */
  field(index: number, field: "end" | "atMs"): number {
    return indexFieldAt(this.#view, index * INDEX_ENTRY_BYTES, field);
  }
}

/** The pages of indexes that are in memory, over all open segments: beyond a limit the oldest go. */
export class IndexPages {
  readonly #limit: number;
  /** Each page with the place that it is held in. */
  readonly #holders = new Map<IndexPage, { holder: Map<number, IndexPage>; number: number }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Puts a page into its reader's map, and takes the oldest out of theirs. */
  hold(holder: Map<number, IndexPage>, number: number, page: IndexPage): void {
    this.#drop(holder.get(number));
    holder.set(number, page);
    this.#holders.set(page, { holder, number });
    for (const oldest of this.#holders.keys()) {
      if (this.#holders.size <= this.#limit) return;
      this.#drop(oldest);
    }
  }

  /** Takes out all of a reader's. */
  forget(holder: Map<number, IndexPage>): void {
    for (const page of [...holder.values()]) this.#drop(page);
  }

  #drop(page: IndexPage | undefined): void {
    const place = page && this.#holders.get(page);
    if (page === undefined || place === undefined) return;
    this.#holders.delete(page);
    place.holder.delete(place.number);
  }
}
