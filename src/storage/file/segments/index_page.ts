import {
  INDEX_ENTRY_BYTES,
  type IndexEntry,
  indexEntryAt,
  type IndexField,
  indexFieldAt,
} from "./index_format.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { viewOf } from "../../little_endian.ts";

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

  /** One number of such an entry: a search needs no more of it. */
  field(index: number, field: IndexField): number {
    return indexFieldAt(this.#view, index * INDEX_ENTRY_BYTES, field);
  }
}
