import { viewOf } from "../../../little_endian.ts";
import {
  blockChecksumAt,
  decodeIndexEntry,
  decodeIndexHeader,
  encodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  type IndexEntry,
  indexFieldAt,
  type IndexHeader,
  putIndexEntry,
} from "../../segments/index_format.ts";
import { type CutBlock, cutBlocks } from "../scan/block_cutter.ts";
import type { FileWindow } from "../../directory/file_window.ts";
import type { FilePart } from "../../directory/quarantine.ts";

/** In an entry that was made anew: no block is without a message. */
export const UNCOUNTED = 0;

/** A segment whose index may be damaged. */
export interface RebuiltSegment {
  readonly header: IndexHeader;
  /** How much of the `.log` is the stream's. */
  readonly bytes: number;
  /** How many entries there should be. */
  readonly blocks: number;
  readonly isJson: boolean;
  /** When the bytes after the segment were first written: its own blocks came no later. */
  readonly laterMs: number;
}

/** An entry, and whether its checksum is one that was written with the block. */
export interface RebuiltEntry {
  readonly entry: IndexEntry;
  readonly isProven: boolean;
}

/** Rebuilds a segment's index from its whole entries and from the segment's bytes. */
export class IndexRebuilder {
  readonly #segment: RebuiltSegment;
  readonly #log: FileWindow;
  readonly #index: FileWindow | undefined;

  /** @param index the one that is there, undefined where it is missing */
  constructor(segment: RebuiltSegment, log: FileWindow, index: FileWindow | undefined) {
    this.#segment = segment;
    this.#log = log;
    // The index of another segment is of no use here.
    const other = index && this.#otherHeader(index);
    this.#index = other === undefined ? index : undefined;
  }

  /** Whether header and entries are as they were written. */
  isWhole(): boolean {
    const { header, bytes, blocks } = this.#segment;
    const index = this.#index;
    if (index === undefined) return false;
    if (decodeIndexHeader(index.bytes(0, INDEX_HEADER_BYTES)) === undefined) return false;
    let at = 0;
    for (let i = 0; i < blocks; i++) {
      const entry = this.#entryAt(index, i);
      if (entry === undefined || entry.filePosition !== at || entry.end <= header.base + at) {
        return false;
      }
      at = entry.end - header.base;
    }
    return at === bytes;
  }

  /** The entries in their order: the whole ones, and rebuilt ones in between. */
  *entries(): Generator<RebuiltEntry> {
    const { bytes, header, blocks, laterMs } = this.#segment;
    let at = 0;
    let atMs = 0;
    let messages = 0;
    let missing: number[] = [];
    for (let i = 0; i < blocks; i++) {
      const entry = this.#index && this.#entryAt(this.#index, i);
      if (entry === undefined || !this.#fits(entry, at, atMs)) {
        missing.push(i);
        continue;
      }
      if (entry.filePosition > at) {
        const before = entry.messages;
        yield* this.#between(at, entry.filePosition, missing, entry.atMs, { messages, before });
      }
      missing = [];
      yield { entry, isProven: true };
      at = entry.end - header.base;
      atMs = entry.atMs;
      messages = entry.messages;
    }
    const bounds = { messages, before: Infinity };
    if (at < bytes) yield* this.#between(at, bytes, missing, Math.max(atMs, laterMs), bounds);
  }

  /** The index's bytes. */
  *parts(): Generator<FilePart> {
    yield { bytes: encodeIndexHeader(this.#segment.header), filePosition: 0 };
    let filePosition = INDEX_HEADER_BYTES;
    for (const { entry } of this.entries()) {
      const bytes = new Uint8Array(INDEX_ENTRY_BYTES);
      putIndexEntry(bytes, 0, entry);
      yield { bytes, filePosition };
      filePosition += bytes.length;
    }
  }

  /** An entry that is missing alone was one block; where several are, the bytes are cut again. */
  *#between(
    position: number,
    end: number,
    missing: readonly number[],
    atMs: number,
    bounds: { messages: number; before: number },
  ): Generator<RebuiltEntry> {
    const cuts = missing.length === 1
      ? [{ position, end }]
      : [...cutBlocks(this.#log, { position, end }, this.#segment.isJson)];
    for (const [i, cut] of cuts.entries()) {
      const crc = this.#log.checksum(cut.position, cut.end);
      const written = missing.length === cuts.length
        ? this.#writtenChecksum(missing[i])
        : undefined;
      const entry = {
        filePosition: cut.position,
        end: this.#segment.header.base + cut.end,
        atMs,
        messages: written === crc ? this.#writtenMessages(missing[i], cut, bounds) : UNCOUNTED,
        checksum: crc,
      };
      yield { entry, isProven: written === crc };
    }
  }

  /** The block's checksum in a damaged entry: if the block has it, both are right. */
  #writtenChecksum(entry: number | undefined): number | undefined {
    if (entry === undefined || this.#index === undefined) return undefined;
    const position = INDEX_HEADER_BYTES + entry * INDEX_ENTRY_BYTES;
    const bytes = this.#index.bytes(position, INDEX_ENTRY_BYTES);
    return bytes.length < INDEX_ENTRY_BYTES ? undefined : blockChecksumAt(viewOf(bytes), 0);
  }

  /** The count in a damaged entry, if it may be right; all others are counted once all indexes are there. */
  #writtenMessages(
    entry: number | undefined,
    cut: CutBlock,
    { messages, before }: { messages: number; before: number },
  ): number {
    if (entry === undefined || this.#index === undefined || this.#segment.isJson) return UNCOUNTED;
    const position = INDEX_HEADER_BYTES + entry * INDEX_ENTRY_BYTES;
    const bytes = this.#index.bytes(position, INDEX_ENTRY_BYTES);
    const written = indexFieldAt(viewOf(bytes), 0, "messages");
    // Of a segment's first block nothing says how many come before it.
    const most = entry === 0 ? before - 1 : Math.min(before - 1, messages + cut.end - cut.position);
    return written > messages && written <= most ? written : UNCOUNTED;
  }

  #fits(entry: IndexEntry, at: number, atMs: number): boolean {
    const { header, bytes } = this.#segment;
    const end = entry.end - header.base;
    return entry.filePosition >= at && end > entry.filePosition && end <= bytes &&
      entry.atMs >= atMs;
  }

  #entryAt(index: FileWindow, number: number): IndexEntry | undefined {
    const position = INDEX_HEADER_BYTES + number * INDEX_ENTRY_BYTES;
    return decodeIndexEntry(index.bytes(position, INDEX_ENTRY_BYTES), 0);
  }

  #otherHeader(index: FileWindow): IndexHeader | undefined {
    const found = decodeIndexHeader(index.bytes(0, INDEX_HEADER_BYTES));
    const { uuid, streamId, base } = this.#segment.header;
    const isOurs = found === undefined ||
      (found.uuid === uuid && found.streamId === streamId && found.base === base);
    return isOurs ? undefined : found;
  }
}
