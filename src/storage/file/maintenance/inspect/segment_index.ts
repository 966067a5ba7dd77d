import { basename } from "node:path";
import {
  decodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  type IndexEntry,
} from "../../segments/index_format.ts";
import { parseSegmentName } from "../../directory/paths.ts";
import type { FileWindow } from "../../directory/file_window.ts";
import { walkIndex } from "../scan/index_walk.ts";
import { type Item, timeText } from "./item.ts";

/** A segment's index: its header, then an entry a block. */
export function* inspectIndex(window: FileWindow, path: string): Generator<Item> {
  yield headerItem(window, path);
  let before: IndexEntry | undefined;
  const base = indexBase(window, path);
  for (const { position, entry } of walkIndex(window)) {
    if (entry === undefined) {
      const left = window.sizeBytes - position;
      const found = left < INDEX_ENTRY_BYTES ? `${left} bytes` : "one that fails its checksum";
      const damage = { expected: "an entry", found };
      yield { kind: "entry", position, fields: {}, damage };
    } else {
      // With gaps between blocks only the next entry says where a block ends in the file.
      const gapless = isRewrittenIndex(path) ? undefined : base;
      yield entryItem(position, entry, before, gapless);
    }
    before = entry;
  }
}

/** Where the segment of an index begins, by its name, else by its header. */
export function indexBase(window: FileWindow, path: string): number | undefined {
  return parseSegmentName(basename(path))?.base ??
    decodeIndexHeader(window.bytes(0, INDEX_HEADER_BYTES))?.base;
}

/** Whether an index is one of a segment that was written anew, by its name. */
export function isRewrittenIndex(path: string): boolean {
  return (parseSegmentName(basename(path))?.generation ?? 0) > 0;
}

function headerItem(window: FileWindow, path: string): Item {
  const kind = "index header";
  const header = decodeIndexHeader(window.bytes(0, INDEX_HEADER_BYTES));
  if (header === undefined) {
    const found = `${Math.min(window.sizeBytes, INDEX_HEADER_BYTES)} bytes that are none`;
    const damage = { expected: "an index's header", found };
    return { kind, position: 0, fields: {}, damage };
  }
  const { uuid, streamId, base } = header;
  const fields = { stream: streamId, base, uuid };
  const named = parseSegmentName(basename(path));
  if (named === undefined || (named.streamId === streamId && named.base === base)) {
    return { kind, position: 0, fields };
  }
  const damage = {
    expected: `stream ${named.streamId} and base ${named.base}, as in its name`,
    found: "others",
  };
  return { kind, position: 0, fields, damage };
}

function entryItem(
  position: number,
  { end, filePosition: start, atMs, messages, checksum }: IndexEntry,
  before: IndexEntry | undefined,
  base: number | undefined,
): Item {
  const fields = {
    start,
    end,
    bytes: base === undefined ? undefined : end - base - start,
    at: timeText(atMs),
    messages,
    crc32: checksum,
  };
  const isFirst = position === INDEX_HEADER_BYTES;
  const from = before === undefined || base === undefined ? undefined : before.end - base;
  const expected = isFirst ? 0 : from;
  const damage = expected !== undefined && expected !== start
    ? { expected: `a block at ${expected} of the .log`, found: `one at ${start}` }
    : before !== undefined && before.atMs > atMs
    ? { expected: `a time from ${timeText(before.atMs)} on`, found: timeText(atMs) }
    : before !== undefined && before.messages > messages
    ? { expected: `${before.messages} messages or more`, found: `${messages}` }
    : undefined;
  return { kind: "entry", position, fields, damage };
}
