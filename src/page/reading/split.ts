import { scanArray } from "../../protocol/json_spans.ts";
import { POSITION_DIGITS, streamOffsetOf, tokenPosition } from "../../protocol/offset.ts";
import type { UnnumberedMessage } from "./message.ts";

/** What a stream holds, as far as it matters for taking an answer apart. */
export type Content = "json" | "text" | "bytes";

/** Where an answer begins and ends, as offsets. */
export interface Range {
  readonly start: string;
  readonly end: string;
}

const LINE_FEED = 0x0a;
/** A JSON message is stored with a comma and a line break behind it. */
const JSON_TERMINATOR_BYTES = 2;
/** Longer chunks of bytes are shown as several. */
const CHUNK_BYTES = 64 * 1024;

/** The messages that an answer brings, each with its place. */
export function splitMessages(
  data: Uint8Array,
  content: Content,
  range: Range,
): UnnumberedMessage[] {
  if (data.length === 0) return [];
  if (content === "json") return locate(elementsOf(data), range, JSON_TERMINATOR_BYTES);
  return locate(content === "text" ? linesOf(data) : chunksOf(data), range, 0);
}

function elementsOf(data: Uint8Array): Uint8Array[] {
  const spans = scanArray(data);
  if (spans === undefined) return [data];
  const elements: Uint8Array[] = [];
  for (let at = 0; at < spans.length; at += 2) {
    elements.push(data.subarray(spans[at], spans[at + 1]));
  }
  return elements;
}

/** Lines with the line break at their end. */
function linesOf(data: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  let start = 0;
  while (start < data.length) {
    const end = data.indexOf(LINE_FEED, start);
    const next = end < 0 ? data.length : end + 1;
    lines.push(data.subarray(start, next));
    start = next;
  }
  return lines;
}

function chunksOf(data: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += CHUNK_BYTES) {
    chunks.push(data.subarray(start, start + CHUNK_BYTES));
  }
  return chunks;
}

/**
 * Counts the places of messages from where the answer begins. Where that doesn't come out at its end
 * (text that isn't UTF-8, or whose line ends were CRLF, is longer on disk), all get the answer's own.
 */
function locate(
  parts: readonly Uint8Array[],
  { start, end }: Range,
  terminatorBytes: number,
): UnnumberedMessage[] {
  const total = parts.reduce((sum, { length }) => sum + length + terminatorBytes, 0);
  const first = tokenPosition(start);
  const last = streamOffsetOf(end);
  const isCounted = last !== undefined && first !== undefined && last.position - first === total;
  if (!isCounted) return parts.map((bytes) => ({ bytes, start, end }));
  const space = end.slice(0, -POSITION_DIGITS);
  let position = first;
  let before = start;
  return parts.map((bytes, index) => {
    position += bytes.length + terminatorBytes;
    const after = index === parts.length - 1
      ? end
      : space + String(position).padStart(POSITION_DIGITS, "0");
    const message = { bytes, start: before, end: after };
    before = after;
    return message;
  });
}
