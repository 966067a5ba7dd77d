import { type Bytes, completeUtf8Length } from "../../../../protocol/bytes.ts";
import { BLOCK_BYTES, endsBefore, endsWith } from "../../../block_rule.ts";
import type { FileWindow } from "../../directory/file_window.ts";

const COMMA = 0x2c;
const LINE_FEED = 0x0a;

/** Bytes that may be a block: from `position` up to `end`, in the segment's file. */
export interface CutBlock {
  readonly position: number;
  readonly end: number;
}

/**
 * Cuts a part of a segment's bytes into blocks, without its index. Those of a JSON stream are those that
 * were written: a message ends with `,\n` and nowhere else. In a byte stream nothing shows where a
 * message ended: it is cut after the last line feed, or at least not within a UTF-8 character.
 */
export function* cutBlocks(
  window: FileWindow,
  { position, end }: CutBlock,
  isJson: boolean,
): Generator<CutBlock> {
  if (!isJson) {
    for (let at = position; at < end;) {
      const bytes = window.bytes(at, Math.min(BLOCK_BYTES, end - at));
      if (bytes.length === 0) return;
      const next = at + bytes.length >= end ? end : at + textCut(bytes);
      yield { position: at, end: next };
      at = next;
    }
    return;
  }
  let blockStart = position;
  let messageStart = position;
  for (const messageEnd of messageEnds(window, position, end)) {
    if (endsBefore(blockStart, messageStart, messageEnd)) {
      yield { position: blockStart, end: messageStart };
      blockStart = messageStart;
    }
    if (endsWith(blockStart, messageEnd)) {
      yield { position: blockStart, end: messageEnd };
      blockStart = messageEnd;
    }
    messageStart = messageEnd;
  }
  if (blockStart < end) yield { position: blockStart, end };
}

function textCut(bytes: Bytes): number {
  const line = bytes.lastIndexOf(LINE_FEED) + 1;
  return line > 0 ? line : Math.max(1, completeUtf8Length(bytes));
}

function* messageEnds(window: FileWindow, position: number, end: number): Generator<number> {
  let at = position;
  let last = -1;
  for (const chunk of window.chunks(position, end)) {
    // The caller uses the window between two ends.
    const bytes = chunk.slice();
    for (let i = bytes.indexOf(LINE_FEED); i >= 0; i = bytes.indexOf(LINE_FEED, i + 1)) {
      if ((i === 0 ? last : bytes[i - 1]) === COMMA) yield at + i + 1;
    }
    at += bytes.length;
    last = bytes.at(-1) ?? last;
  }
}
