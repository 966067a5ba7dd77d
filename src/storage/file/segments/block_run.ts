import { invariant } from "../../invariant.ts";
import type { IndexEntry } from "./index_format.ts";
import { type IndexPage, PAGE_ENTRIES } from "./index_page.ts";

/**
 * Some blocks of a segment that follow each other, by their numbers. In its file each begins where the one
 * before ends; in the stream there may be a gap between them, which a compaction has left.
 */
export class BlockRun {
  readonly first: number;
  readonly last: number;
  /** Where the first one begins in the segment's file. */
  readonly filePosition: number;
  /** Where the last one ends there. */
  readonly fileEnd: number;
  /** Offset in the stream after the last one. */
  readonly end: number;
  /** The pages with their entries. */
  readonly #pages: readonly IndexPage[];

  /** @param fileEnd where the last block ends in the segment's file */
  constructor(first: number, last: number, pages: readonly IndexPage[], fileEnd: number) {
    this.first = first;
    this.last = last;
    this.#pages = pages;
    this.filePosition = this.#pageOf(first).field(first % PAGE_ENTRIES, "filePosition");
    this.end = this.#pageOf(last).field(last % PAGE_ENTRIES, "end");
    this.fileEnd = fileEnd;
  }

  /** Offset in the stream of the first one's first byte. */
  get start(): number {
    return this.startOf(this.first);
  }

  /** Offset in the stream of a block's first byte: no gap is within a block. */
  startOf(block: number): number {
    const page = this.#pageOf(block);
    const index = block % PAGE_ENTRIES;
    const bytes = this.fileEndOf(block) - page.field(index, "filePosition");
    return page.field(index, "end") - bytes;
  }

  /** Where one of the blocks ends in the segment's file. */
  fileEndOf(block: number): number {
    if (block === this.last) return this.fileEnd;
    return this.#pageOf(block + 1).field((block + 1) % PAGE_ENTRIES, "filePosition");
  }

  /** Where an offset is in the segment's file, or in a gap the block behind it; from one block's start to its end. */
  filePositionIn(block: number, offset: number): number {
    const page = this.#pageOf(block);
    const index = block % PAGE_ENTRIES;
    const end = this.fileEndOf(block);
    const found = end - (page.field(index, "end") - offset);
    return Math.min(end, Math.max(page.field(index, "filePosition"), found));
  }

  /** The index's entry of one of the blocks. */
  entry(block: number): IndexEntry {
    return this.#pageOf(block).entry(block % PAGE_ENTRIES);
  }

  /** Where each of the blocks ends in the stream. */
  ends(): number[] {
    const ends: number[] = [];
    for (let block = this.first; block <= this.last; block++) {
      ends.push(this.#pageOf(block).field(block % PAGE_ENTRIES, "end"));
    }
    return ends;
  }

  /** Whether each of the blocks was found to be whole after `sinceMs`. */
  wasChecked(sinceMs: number): boolean {
    for (let block = this.first; block <= this.last; block++) {
      if (this.#pageOf(block).checkedMs(block % PAGE_ENTRIES) <= sinceMs) return false;
    }
    return true;
  }

  /** Says that each of the blocks is whole. */
  markChecked(nowMs: number): void {
    for (let block = this.first; block <= this.last; block++) {
      this.#pageOf(block).markChecked(block % PAGE_ENTRIES, nowMs);
    }
  }

  #pageOf(block: number): IndexPage {
    const page = this.#pages[pageNumber(block) - pageNumber(this.first)];
    invariant(page !== undefined, "a run has its blocks' pages");
    return page;
  }
}

function pageNumber(block: number): number {
  return Math.floor(block / PAGE_ENTRIES);
}
