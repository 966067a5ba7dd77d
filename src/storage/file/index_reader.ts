import type { File } from "../../env/file_system.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { damagedRead } from "./damage.ts";
import {
  decodeIndexEntry,
  decodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  type IndexEntry,
  type IndexHeader,
} from "./index_format.ts";

/** Entries are read this many at a time. */
const PAGE_ENTRIES = 128;

interface Page {
  number: number;
  entries: IndexEntry[];
}

/**
 * Looks up blocks in a segment's index. The file isn't mapped: a search reads pages of entries and
 * remembers each page's last entry, so that the next one reads only the page it needs.
 */
export class IndexReader {
  readonly #file: File;
  readonly #expected: IndexHeader;
  #isHeaderChecked = false;
  readonly #lastEntries: (IndexEntry | undefined)[] = [];
  #page: Page | undefined;

  /** @param expected what its header has to say */
  constructor(file: File, expected: IndexHeader) {
    this.#file = file;
    this.#expected = expected;
  }

  /**
   * The number of the block in which `offset` is: the first one that ends after it.
   *
   * @param blocks how many there are
   */
  find(offset: number, blocks: number): Promise<number> {
    return this.#findFirst(blocks, ({ end }) => end > offset);
  }

  /**
   * The number of the first block whose last message came at `sinceMs` or later.
   *
   * @param blocks how many there are, of which the last one did
   */
  findSince(sinceMs: number, blocks: number): Promise<number> {
    return this.#findFirst(blocks, ({ atMs }) => atMs >= sinceMs);
  }

  /** The entries of the blocks from `first` up to `last`, both included. */
  async entries(first: number, last: number, blocks: number): Promise<IndexEntry[]> {
    const found: IndexEntry[] = [];
    for (let at = first; at <= last;) {
      const page = Math.floor(at / PAGE_ENTRIES);
      const { entries } = await this.#load(page, blocks);
      const start = at - page * PAGE_ENTRIES;
      const taken = entries.slice(start, last + 1 - page * PAGE_ENTRIES);
      if (taken.length === 0) break;
      for (const entry of taken) found.push(entry);
      at += taken.length;
    }
    return found;
  }

  /** The number of the first block that `isPast` holds for, as it does for all that follow. */
  async #findFirst(blocks: number, isPast: (entry: IndexEntry) => boolean): Promise<number> {
    let low = 0;
    let high = Math.ceil(blocks / PAGE_ENTRIES);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = await this.#lastEntry(middle, blocks);
      if (last === undefined || !isPast(last)) low = middle + 1;
      else high = middle;
    }
    const { entries } = await this.#load(low, blocks);
    const within = entries.findIndex(isPast);
    return low * PAGE_ENTRIES + (within < 0 ? entries.length : within);
  }

  async #lastEntry(page: number, blocks: number): Promise<IndexEntry | undefined> {
    const isWhole = (page + 1) * PAGE_ENTRIES <= blocks;
    const known = isWhole ? this.#lastEntries[page] : undefined;
    if (known !== undefined) return known;
    const last = (await this.#load(page, blocks)).entries.at(-1);
    if (isWhole) this.#lastEntries[page] = last;
    return last;
  }

  async #load(number: number, blocks: number): Promise<Page> {
    const first = number * PAGE_ENTRIES;
    const count = Math.max(0, Math.min(PAGE_ENTRIES, blocks - first));
    const cached = this.#page;
    if (cached !== undefined && cached.number === number && cached.entries.length >= count) {
      return cached.entries.length === count
        ? cached
        : { number, entries: cached.entries.slice(0, count) };
    }
    const position = INDEX_HEADER_BYTES + first * INDEX_ENTRY_BYTES;
    // The first page is read with the header before it, which takes no read of its own.
    const start = number === 0 ? 0 : position;
    const bytes = new Uint8Array(position - start + count * INDEX_ENTRY_BYTES);
    const length = await this.#file.read(bytes, start);
    if (!this.#isHeaderChecked) await this.#checkHeader(number === 0 ? bytes : undefined);
    const entries = this.#decode(bytes.subarray(position - start, length), count, position);
    const page = { number, entries };
    this.#page = page;
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
        position: 0,
        expected: describe(this.#expected),
        found: header === undefined ? "no header that checks" : describe(header),
      });
    }
    this.#isHeaderChecked = true;
  }

  #decode(bytes: Bytes, count: number, position: number): IndexEntry[] {
    return Array.from({ length: count }, (_, i) => {
      const entry = decodeIndexEntry(bytes, i * INDEX_ENTRY_BYTES);
      if (entry !== undefined) return entry;
      throw damagedRead({
        path: this.#file.path,
        position: position + i * INDEX_ENTRY_BYTES,
        expected: "an index entry that checks",
        found: "none",
      });
    });
  }
}

function describe({ uuid, streamId, base }: IndexHeader): string {
  return `the header of stream ${streamId} from offset ${base} on, of directory ${uuid}`;
}
