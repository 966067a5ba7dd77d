import { type Bytes, hasByteOrderMark, NO_BYTES } from "./bytes.ts";
import { StreamError } from "./errors.ts";
import { type JsonScan, scanJson } from "./json_scan.ts";
import { scanSpans } from "./json_spans.ts";

/**
 * JSON mode (PROTOCOL §9.1). Each message is stored as its own bytes followed by `,\n`, with raw line
 * breaks inside it replaced by spaces; so a read is `[`, the stored bytes without the last `,\n`, and
 * `]`, and `,\n` stands nowhere but at a message's end. Messages are split by position and never
 * rewritten: big numbers and the order of keys survive.
 */
export interface StoredMessages {
  /** The messages as they are stored. */
  bytes: Bytes;
  /** Where each message ends in `bytes`. */
  ends: number[];
}

/** Arrays and objects may nest this deep. `JSON.parse` itself would take millions of levels, and long. */
export const JSON_DEPTH_LIMIT = 512;

const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** How long what follows each stored message is. */
export const SEPARATOR_BYTES = 2;

/** The error for JSON that begins with a byte order mark, which an engine's message doesn't show. */
export const BYTE_ORDER_MARK_FAULT = "it begins with a byte order mark (EF BB BF): send it without";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The messages of a body: the elements of an array (flattened by one level), otherwise the one value.
 *
 * @throws {StreamError} `invalid_json`
 */
export function splitJson(body: Bytes): StoredMessages {
  const scan = scanJson(body, JSON_DEPTH_LIMIT);
  if (scan === undefined) throw invalid(whyInvalid(body));
  return store(body, scan);
}

/** Whether a stored JSON stream has a message's end right after these two bytes. */
export function isMessageEnd(beforeLast: number | undefined, last: number | undefined): boolean {
  return beforeLast === COMMA && last === LINE_FEED;
}

/** Where the messages in `stored` end; `stored` begins and ends at a message's boundary. */
export function messageEnds(stored: Uint8Array): number[] {
  const ends: number[] = [];
  for (let at = stored.indexOf(LINE_FEED); at >= 0; at = stored.indexOf(LINE_FEED, at + 1)) {
    ends.push(at + 1);
  }
  return ends;
}

/** Stored messages as the array that a reader gets (PROTOCOL §9.1.5). */
export function toJsonArray(stored: Uint8Array): Bytes {
  if (stored.length === 0) return Uint8Array.of(OPEN_BRACKET, CLOSE_BRACKET);
  const array = new Uint8Array(stored.length);
  array.set(stored.subarray(0, stored.length - SEPARATOR_BYTES), 1);
  return putBrackets(array);
}

/**
 * As {@link toJsonArray}, made of the very bytes of `stored` where its buffer has one before them that
 * nobody needs: the copy of a MiB would cost as much as its reading.
 *
 * @param stored bytes that are the caller's own, as is the one before them
 */
export function intoJsonArray(stored: Bytes): Bytes {
  const { buffer, byteOffset, length } = stored;
  if (length === 0 || byteOffset === 0) return toJsonArray(stored);
  return putBrackets(new Uint8Array(buffer, byteOffset - 1, length));
}

function putBrackets(array: Bytes): Bytes {
  array[0] = OPEN_BRACKET;
  array[array.length - 1] = CLOSE_BRACKET;
  return array;
}

/** The error for an invalid body, in words: slower. */
function whyInvalid(body: Bytes): string {
  const { end, isTooDeep } = scanSpans(body, JSON_DEPTH_LIMIT);
  if (isTooDeep) return `it nests deeper than ${JSON_DEPTH_LIMIT} levels at byte ${end}`;
  let text: string;
  try {
    text = strictUtf8.decode(body);
  } catch {
    return isUtf16(body) ? "it is UTF-16, and has to be UTF-8" : "it is not UTF-8";
  }
  if (hasByteOrderMark(body)) return BYTE_ORDER_MARK_FAULT;
  try {
    JSON.parse(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "it is not as RFC 8259 has it";
}

/** By its byte order mark, with which some shells begin a file. */
function isUtf16([first, second]: Bytes): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

function store(body: Bytes, { spans, hasLineBreaks }: JsonScan): StoredMessages {
  let length = 0;
  for (let i = 0; i < spans.length; i += 2) {
    length += (spans[i + 1] ?? 0) - (spans[i] ?? 0) + SEPARATOR_BYTES;
  }
  if (length === 0) return { bytes: NO_BYTES, ends: [] };
  const bytes = new Uint8Array(length);
  const ends: number[] = [];
  let at = 0;
  for (let i = 0; i < spans.length; i += 2) {
    const start = spans[i] ?? 0;
    const end = spans[i + 1] ?? 0;
    bytes.set(body.subarray(start, end), at);
    if (hasLineBreaks) replaceLineBreaks(bytes, at, at + end - start);
    at += end - start;
    bytes[at++] = COMMA;
    bytes[at++] = LINE_FEED;
    ends.push(at);
  }
  return { bytes, ends };
}

/** Line breaks in valid JSON stand between tokens only, where a space means the same. */
function replaceLineBreaks(bytes: Bytes, from: number, to: number): void {
  for (let at = from; at < to; at++) {
    if (bytes[at] === LINE_FEED || bytes[at] === CARRIAGE_RETURN) bytes[at] = SPACE;
  }
}

function invalid(why: string): StreamError {
  return new StreamError({ code: "invalid_json" }, `The body is not valid JSON: ${why}.`);
}
