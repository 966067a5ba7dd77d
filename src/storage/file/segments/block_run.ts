import { invariant } from "../../invariant.ts";
import type { IndexEntry } from "./index_format.ts";
import { type IndexPage, PAGE_ENTRIES } from "./index_page.ts";

/** Some blocks of a segment that follow each other, by their numbers. */
export class BlockRun {
  readonly first: number;
  readonly last: number;
  /** Where the first one begins in the segment's file. */
  readonly filePosition: number;
  /** Offset in the stream after the last one. */
  readonly end: number;
  /** The pages with their entries. */
  readonly #pages: readonly IndexPage[];

  constructor(first: number, last: number, pages: readonly IndexPage[]) {
    this.first = first;
    this.last = last;
    this.#pages = pages;
    this.filePosition = this.#pageOf(first).field(first % PAGE_ENTRIES, "filePosition");
    this.end = this.#pageOf(last).field(last % PAGE_ENTRIES, "end");
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
