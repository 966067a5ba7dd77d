import type { File } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { checksum } from "../directory/checksum.ts";
import { damagedRead } from "../directory/damage.ts";
import type { IndexEntry } from "./index_format.ts";
import type { BlockRun } from "./block_run.ts";

/** Read at once: as much as stays in the processor's own memory until it is checked. */
const WINDOW_BYTES = 128 * 1024;

/** How long a block that was checked where it is counts as checked, in ms. */
const CHECKED_MS = 60_000;

/**
 * Checks a run of blocks that were read.
 *
 * @param bytes theirs, from the first one's start on
 * @throws {StreamError} `damaged`
 */
export function checkBlocks(path: string, run: BlockRun, bytes: Bytes): void {
  const check = new RunCheck(path, run);
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
export function checkBlocksInPlace(log: File, run: BlockRun, nowMs: number): void {
  if (run.wasChecked(nowMs - CHECKED_MS)) return;
  windowBytes ??= new Uint8Array(WINDOW_BYTES);
  const check = new RunCheck(log.path, run);
  const end = run.fileEnd;
  for (let at = run.filePosition; at < end;) {
    const window = windowBytes.subarray(0, end - at);
    const length = log.readSync(window, at);
    check.add(window.subarray(0, length));
    if (length < window.length) break;
    at += length;
  }
  check.end();
  run.markChecked(nowMs);
}

/** A run's blocks, checked one after the other as their bytes come. */
class RunCheck {
  readonly #path: string;
  readonly #run: BlockRun;
  #block: number;
  #entry: IndexEntry;
  /** Of the block's bytes that have come. */
  #checksum = 0;
  #length = 0;

  constructor(path: string, run: BlockRun) {
    this.#path = path;
    this.#run = run;
    this.#block = run.first;
    this.#entry = run.entry(run.first);
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
    return this.#run.fileEndOf(this.#block) - this.#entry.filePosition;
  }

  #endBlock(): void {
    if (this.#checksum !== this.#entry.checksum) throw this.#damaged();
    this.#checksum = 0;
    this.#length = 0;
    if (++this.#block <= this.#run.last) this.#entry = this.#run.entry(this.#block);
  }

  #damaged(): Error {
    const { filePosition, end, checksum } = this.#entry;
    return damagedRead({
      path: this.#path,
      filePosition,
      expected: `a block with the CRC-32 ${checksum}`,
      found: `${this.#checksum} over ${this.#length} bytes`,
    }, { start: this.#run.startOf(this.#block), end });
  }
}
