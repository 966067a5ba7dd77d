import type { File } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { BoundedCache } from "../../bounded_cache.ts";
import { invariant } from "../../invariant.ts";
import { partitionPoint } from "../../partition_point.ts";
import { damagedRead } from "../directory/damage.ts";
import { BlockRun } from "./block_run.ts";
import {
  decodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  type IndexEntry,
  type IndexField,
  type IndexHeader,
  isIndexEntryWhole,
} from "./index_format.ts";
import { IndexPage, PAGE_ENTRIES } from "./index_page.ts";

/** Pages of indexes by their reader's number and their own; see {@link IndexReader}. */
export type IndexPages = BoundedCache<number, IndexPage>;

/** A segment's index has fewer pages: at 4 KiB a block, those of 2 TiB. */
const MAX_PAGES = 2 ** 22;

let readers = 0;

/** The result of a look-up that needs a page which isn't in memory, or not with so many entries. */
export class MissingPage {
  readonly number: number;
  readonly entries: number;

  constructor(number: number, entries: number) {
    this.number = number;
    this.entries = entries;
  }
}

/** What a look-up has loaded: it stays until that ends, whatever others load meanwhile. */
type LoadedPages = Map<number, IndexPage>;

/**
 * Looks up blocks in a segment's index. The file isn't mapped: pages of entries are read and kept, as
 * far as there is room. A look-up finds at once what is in memory; where it comes to a missing page,
 * {@link IndexReader.load} reads that, and looks again.
 */
export class IndexReader {
  readonly #file: File;
  readonly #expected: IndexHeader;
  readonly #pages: IndexPages;
  /** The key of its first page. */
  readonly #firstKey = MAX_PAGES * readers++;
  #pageCount = 0;
  /** Each whole page's last entry: a search needs no more of the pages that it passes by. */
  readonly #lastEntries: (IndexEntry | undefined)[] = [];
  #isHeaderChecked = false;
  /** Of the look-up that runs just now. */
  #loaded: LoadedPages | undefined;

  /** @param expected what its header has to say */
  constructor(file: File, expected: IndexHeader, pages: IndexPages) {
    this.#file = file;
    this.#expected = expected;
    this.#pages = pages;
  }

  /** Lets go of its pages. */
  close(): void {
    for (let number = 0; number < this.#pageCount; number++) {
      this.#pages.delete(this.#firstKey + number);
    }
  }

  /**
   * The result of a look-up, once the pages that it needs are in memory. The segment may grow meanwhile,
   * and the look-up then need more entries of a page.
   *
   * @throws {StreamError} `damaged`
   * @throws {FileSystemError}
   */
  async load<T>(lookUp: () => T | MissingPage): Promise<T> {
    const loaded: LoadedPages = new Map();
    while (true) {
      const found = this.#lookUpIn(loaded, lookUp);
      if (!(found instanceof MissingPage)) return found;
      loaded.set(found.number, await this.#load(found));
    }
  }

  #lookUpIn<T>(loaded: LoadedPages, lookUp: () => T): T {
    this.#loaded = loaded;
    try {
      return lookUp();
    } finally {
      this.#loaded = undefined;
    }
  }

  /**
   * The number of the first block whose last message came at `sinceMs` or later.
   *
   * @param blocks how many there are, of which the last one did
   */
  findSince(sinceMs: number, blocks: number): number | MissingPage {
    return this.#search(blocks, "atMs", sinceMs);
  }

  /**
   * The number of the block in which the stream's own message of this number is.
   *
   * @param blocks how many there are, of which the last one comes with or after it
   */
  findMessage(message: number, blocks: number): number | MissingPage {
    return this.#search(blocks, "messages", message + 1);
  }

  /** The number of the block in which `offset` is: the first one that ends after it. */
  findOffset(offset: number, blocks: number): number | MissingPage {
    return this.#search(blocks, "end", offset + 1);
  }

  /** The entry of a block. */
  entry(block: number, blocks: number): IndexEntry | MissingPage {
    const page = this.#page(pageOf(block), blocks);
    return page instanceof MissingPage ? page : page.entry(block % PAGE_ENTRIES);
  }

  /**
   * The blocks that the bytes from `from` up to `to` are in; of more bytes than `limitBytes` only those
   * that end within that, or the first one. Where `from` is in a gap it is the block behind it.
   *
   * @param gappedBytes how long the segment's file is, where there are gaps between its blocks
   */
  run(
    from: number,
    limitBytes: number,
    to: number,
    blocks: number,
    gappedBytes?: number,
  ): BlockRun | MissingPage {
    const first = this.findOffset(from, blocks);
    if (first instanceof MissingPage) return first;
    const last = gappedBytes === undefined
      ? this.#lastOf(first, from, limitBytes, to, blocks)
      : this.#lastOfGapped(first, limitBytes, to, blocks, gappedBytes);
    if (last instanceof MissingPage) return last;
    return this.runOf(first, last, blocks, gappedBytes);
  }

  /** The blocks of these numbers. */
  runOf(
    first: number,
    last: number,
    blocks: number,
    gappedBytes?: number,
  ): BlockRun | MissingPage {
    invariant(last < blocks, "a segment's index covers it");
    // Where a block ends in a file with gaps only the one behind it says.
    const behind = gappedBytes === undefined ? last : Math.min(last + 1, blocks - 1);
    const pages: IndexPage[] = [];
    for (let number = pageOf(first); number <= pageOf(behind); number++) {
      const page = this.#page(number, blocks);
      if (page instanceof MissingPage) return page;
      pages.push(page);
    }
    const lastPage = pages.at(-1);
    invariant(lastPage !== undefined, "a run has a page");
    let fileEnd: number;
    if (gappedBytes === undefined) {
      fileEnd = lastPage.field(last % PAGE_ENTRIES, "end") - this.#expected.base;
    } else {
      fileEnd = behind === last
        ? gappedBytes
        : lastPage.field(behind % PAGE_ENTRIES, "filePosition");
    }
    return new BlockRun(first, last, pages, fileEnd);
  }

  /** The last block of a run: mostly the first one is. */
  #lastOf(
    first: number,
    from: number,
    limitBytes: number,
    to: number,
    blocks: number,
  ): number | MissingPage {
    const page = this.#page(pageOf(first), blocks);
    if (page instanceof MissingPage) return page;
    if (page.field(first % PAGE_ENTRIES, "end") >= to) return first;
    if (to - from <= limitBytes) return this.findOffset(to - 1, blocks);
    const past = this.findOffset(from + limitBytes, blocks);
    return past instanceof MissingPage ? past : Math.max(first, past - 1);
  }

  /** As {@link #lastOf}, by how far the blocks are from each other in the file and not in the stream. */
  #lastOfGapped(
    first: number,
    limitBytes: number,
    to: number,
    blocks: number,
    gappedBytes: number,
  ): number | MissingPage {
    const lastWanted = this.findOffset(to - 1, blocks);
    if (lastWanted instanceof MissingPage || lastWanted <= first) return lastWanted;
    const page = this.#page(pageOf(first), blocks);
    if (page instanceof MissingPage) return page;
    const limit = page.field(first % PAGE_ENTRIES, "filePosition") + limitBytes;
    if (gappedBytes <= limit) return lastWanted;
    const past = this.#search(blocks, "filePosition", limit + 1);
    // The one before begins within the limit, and ends behind it.
    return past instanceof MissingPage ? past : Math.max(first, Math.min(lastWanted, past - 2));
  }

  /** The number of the first block whose `field` is `least` or more; it grows from block to block. */
  #search(blocks: number, field: IndexField, least: number): number | MissingPage {
    let low = 0;
    let high = Math.ceil(blocks / PAGE_ENTRIES) - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = this.#lastEntry(middle, blocks);
      if (last instanceof MissingPage) return last;
      if (last[field] >= least) high = middle;
      else low = middle + 1;
    }
    const page = this.#page(low, blocks);
    if (page instanceof MissingPage) return page;
    const count = Math.min(page.count, blocks - low * PAGE_ENTRIES);
    return low * PAGE_ENTRIES + partitionPoint(count, (index) => page.field(index, field) < least);
  }

  #lastEntry(number: number, blocks: number): IndexEntry | MissingPage {
    const known = this.#lastEntries[number];
    if (known !== undefined) return known;
    const page = this.#page(number, blocks);
    if (page instanceof MissingPage) return page;
    return this.#lastEntries[number] = page.entry(PAGE_ENTRIES - 1);
  }

  #page(number: number, blocks: number): IndexPage | MissingPage {
    const entries = entriesIn(number, blocks);
    const page = this.#pages.get(this.#firstKey + number);
    if (page !== undefined && page.count >= entries) return page;
    const loaded = this.#loaded?.get(number);
    return loaded !== undefined && loaded.count >= entries
      ? loaded
      : new MissingPage(number, entries);
  }

  async #load({ number, entries: count }: MissingPage): Promise<IndexPage> {
    const position = INDEX_HEADER_BYTES + number * PAGE_ENTRIES * INDEX_ENTRY_BYTES;
    // The first page is read with the header before it, which takes no read of its own.
    const start = number === 0 ? 0 : position;
    const bytes = new Uint8Array(position - start + count * INDEX_ENTRY_BYTES);
    const length = await this.#file.read(bytes, start);
    if (!this.#isHeaderChecked) await this.#checkHeader(number === 0 ? bytes : undefined);
    const entries = bytes.subarray(position - start);
    this.#checkEntries(entries, length - (position - start), position);
    const page = new IndexPage(entries);
    this.#pages.set(this.#firstKey + number, page);
    this.#pageCount = Math.max(this.#pageCount, number + 1);
    return page;
  }

  /** @param bytes the file's first ones, where they are read already */
  async #checkHeader(bytes = new Uint8Array(INDEX_HEADER_BYTES)): Promise<void> {
    if (bytes.length === INDEX_HEADER_BYTES) await this.#file.read(bytes, 0);
    const header = decodeIndexHeader(bytes);
    const { uuid, streamId, base } = this.#expected;
    if (header?.uuid !== uuid || header.streamId !== streamId || header.base !== base) {
      throw damagedRead({
        path: this.#file.path,
        filePosition: 0,
        expected: describe(this.#expected),
        found: header === undefined ? "no valid header" : describe(header),
      });
    }
    this.#isHeaderChecked = true;
  }

  #checkEntries(bytes: Bytes, lengthBytes: number, position: number): void {
    for (let at = 0; at < bytes.length; at += INDEX_ENTRY_BYTES) {
      if (at + INDEX_ENTRY_BYTES <= lengthBytes && isIndexEntryWhole(bytes, at)) continue;
      throw damagedRead({
        path: this.#file.path,
        filePosition: position + at,
        expected: "a valid index entry",
        found: "none",
      });
    }
  }
}

function pageOf(block: number): number {
  return Math.floor(block / PAGE_ENTRIES);
}

function entriesIn(page: number, blocks: number): number {
  return Math.max(0, Math.min(PAGE_ENTRIES, blocks - page * PAGE_ENTRIES));
}

function describe({ uuid, streamId, base }: IndexHeader): string {
  return `the header of stream ${streamId} from offset ${base} on, of directory ${uuid}`;
}
