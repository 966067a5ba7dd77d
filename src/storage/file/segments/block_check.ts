import type { File } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { invariant } from "../../invariant.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import { checksum } from "../directory/checksum.ts";
import { damagedRead } from "../directory/damage.ts";
import type { IndexEntry } from "./index_format.ts";
import { type IndexPage, PAGE_ENTRIES } from "./index_page.ts";
import type { BlockRun } from "./index_reader.ts";

/** Read at once: as much as stays in the processor's own memory until it is checked. */
const WINDOW_BYTES = 128 * 1024;

/** How long a block that was checked where it is counts as checked, in ms. */
const CHECKED_MS = 60_000;

/** The index's entry of one of a run's blocks. */
export function entryAt(run: BlockRun, block: number): IndexEntry {
  return pageAt(run, block).entry(block % PAGE_ENTRIES);
}

function pageAt({ first, pages }: BlockRun, block: number): IndexPage {
  const firstPage = Math.floor(first / PAGE_ENTRIES);
  const page = pages[Math.floor(block / PAGE_ENTRIES) - firstPage];
  invariant(page !== undefined, "a run has its blocks' pages");
  return page;
}

/**
 * Checks a run of blocks that were read.
 *
 * @param bytes theirs, from the first one's start on
 * @throws {StreamError} `damaged`
 */
export function checkBlocks(path: string, segment: SegmentRow, run: BlockRun, bytes: Bytes): void {
  const check = new RunCheck(path, segment, run);
  check.add(bytes);
  check.end();
}

let windowBytes: Bytes | undefined;

/**
 * Checks a run of blocks where they are in their file, by blocking reads into memory that is used over
 * and over. If all of them were checked so within the last minute, they aren't read again: what is sent
 * from the page cache a moment later is what was checked there.
 *
 * @throws {StreamError} `damaged`
 * @throws {FileSystemError}
 */
export function checkBlocksInPlace(
  log: File,
  segment: SegmentRow,
  run: BlockRun,
  nowMs: number,
): void {
  if (wasChecked(run, nowMs - CHECKED_MS)) return;
  windowBytes ??= new Uint8Array(WINDOW_BYTES);
  const check = new RunCheck(log.path, segment, run);
  const end = entryAt(run, run.last).end - segment.base;
  for (let at = entryAt(run, run.first).filePosition; at < end;) {
    const piece = windowBytes.subarray(0, end - at);
    const length = log.readSync(piece, at);
    check.add(piece.subarray(0, length));
    if (length < piece.length) break;
    at += length;
  }
  check.end();
  for (let block = run.first; block <= run.last; block++) {
    pageAt(run, block).markChecked(block % PAGE_ENTRIES, nowMs);
  }
}

function wasChecked(run: BlockRun, sinceMs: number): boolean {
  for (let block = run.first; block <= run.last; block++) {
    if (pageAt(run, block).checkedMs(block % PAGE_ENTRIES) <= sinceMs) return false;
  }
  return true;
}

/** A run's blocks, checked one after the other as their bytes come. */
class RunCheck {
  readonly #path: string;
  readonly #segment: SegmentRow;
  readonly #run: BlockRun;
  #block: number;
  #entry: IndexEntry;
  /** Of the block's bytes that have come. */
  #checksum = 0;
  #length = 0;

  constructor(path: string, segment: SegmentRow, run: BlockRun) {
    this.#path = path;
    this.#segment = segment;
    this.#run = run;
    this.#block = run.first;
    this.#entry = entryAt(run, run.first);
  }

  /** Takes the next bytes. */
  add(bytes: Bytes): void {
    for (let at = 0; at < bytes.length && this.#block <= this.#run.last;) {
      const missing = this.#blockBytes - this.#length;
      const part = at === 0 && bytes.length <= missing ? bytes : bytes.subarray(at, at + missing);
      this.#checksum = checksum(part, this.#checksum);
      this.#length += part.length;
      at += part.length;
      if (part.length === missing) this.#endBlock();
    }
  }

  /** Says that no more bytes come. */
  end(): void {
    if (this.#block <= this.#run.last) throw this.#damaged();
  }

  get #blockBytes(): number {
    return this.#entry.end - this.#segment.base - this.#entry.filePosition;
  }

  #endBlock(): void {
    if (this.#checksum !== this.#entry.checksum) throw this.#damaged();
    this.#checksum = 0;
    this.#length = 0;
    if (++this.#block <= this.#run.last) this.#entry = entryAt(this.#run, this.#block);
  }

  #damaged(): Error {
    const { filePosition: filePosition, end, checksum } = this.#entry;
    return damagedRead({
      path: this.#path,
      filePosition,
      expected: `a block with the CRC-32 ${checksum}`,
      found: `${this.#checksum} over ${this.#length} bytes`,
    }, { start: this.#segment.base + filePosition, end });
  }
}
