import type { FileWindow } from "../../directory/file_window.ts";
import { cutBlocks } from "../scan/block_cutter.ts";
import { walkIndex } from "../scan/index_walk.ts";
import { indexBase, isRewrittenIndex } from "./segment_index.ts";
import { bytesText, type Item, timeText } from "./item.ts";

const SHOWN_BYTES = 64;
const COMMA_LINE_FEED = [0x2c, 0x0a];

/** A segment's bytes, block by block as its index says. */
export function* inspectSegment(
  window: FileWindow,
  index: FileWindow,
  indexPath: string,
): Generator<Item> {
  const base = indexBase(index, indexPath) ?? 0;
  const isRewritten = isRewrittenIndex(indexPath);
  let covered = 0;
  const entries = [...walkIndex(index)];
  for (const [i, { position, entry }] of entries.entries()) {
    if (entry === undefined) {
      const damage = { expected: "a valid index entry", found: "none" };
      yield { kind: "block", position: covered, fields: { entryAt: position }, damage };
      continue;
    }
    const { end, filePosition: start, atMs, checksum } = entry;
    // Between the blocks of one that was written anew there may be gaps: each ends where the next one begins.
    const behind = i + 1 < entries.length ? entries[i + 1]?.entry?.filePosition : window.sizeBytes;
    const bytes = isRewritten ? Math.max(0, (behind ?? start) - start) : end - base - start;
    const crc = window.checksum(start, start + bytes);
    covered = start + bytes;
    const fields = {
      from: end - bytes,
      to: end,
      bytes,
      at: timeText(atMs),
      crc32: checksum,
      data: beginning(window, start, bytes),
    };
    const damage = covered > window.sizeBytes
      ? { expected: `${bytes} bytes`, found: `${Math.max(0, window.sizeBytes - start)}` }
      : crc !== checksum
      ? { expected: `the CRC-32 ${checksum}`, found: `${crc}` }
      : undefined;
    yield { kind: "block", position: start, fields, damage };
  }
  if (covered < window.sizeBytes) {
    const bytes = window.sizeBytes - covered;
    const note = "behind the last entry: the stream's only if the index is short";
    const fields = { bytes, note, data: beginning(window, covered, bytes) };
    yield { kind: "surplus", position: covered, fields };
  }
}

/** A segment's bytes without their index: cut as a JSON stream's where they look like one's. */
export function* inspectBareSegment(
  window: FileWindow,
  base: number | undefined,
): Generator<Item> {
  const { sizeBytes } = window;
  const lastTwo = window.bytes(sizeBytes - 2, 2);
  const isJson = sizeBytes > 2 && COMMA_LINE_FEED.every((byte, i) => lastTwo[i] === byte);
  const note = isJson
    ? "no index beside it: cut between messages, and nothing says whether bytes were changed"
    : "no index beside it: cut at will, and nothing says whether bytes were changed";
  yield { kind: "segment", position: 0, fields: { base, bytes: sizeBytes, note } };
  for (const { position, end } of cutBlocks(window, { position: 0, end: sizeBytes }, isJson)) {
    const bytes = end - position;
    const from = base === undefined ? undefined : base + position;
    const fields = { from, bytes, data: beginning(window, position, bytes) };
    yield { kind: "bytes", position, fields };
  }
}

function beginning(window: FileWindow, position: number, lengthBytes: number): string {
  return bytesText(window.bytes(position, Math.min(SHOWN_BYTES, lengthBytes)), lengthBytes);
}
