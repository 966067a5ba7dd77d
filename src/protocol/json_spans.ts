/** Where the values of a JSON text stand: structure only, `JSON.parse` judges the rest. */
export interface JsonSpans {
  /** Start and end of every value, two numbers each: an array's elements, otherwise the one value. */
  spans: number[];
  /** Where the scan ended: at the bracket that closes the text, or after its last byte. */
  end: number;
  /** It ended because arrays and objects nest deeper than the limit. */
  isTooDeep: boolean;
}

const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Finds the messages in a JSON text by position, so that each keeps its bytes (PROTOCOL §9.1). */
export function scanSpans(body: Uint8Array, depthLimit: number): JsonSpans {
  let at = skipSpace(body, 0);
  const flatten = body[at] === OPEN_BRACKET;
  const base = flatten ? 1 : 0;
  if (flatten) at++;
  const spans: number[] = [];
  let start = at;
  let depth = base;
  for (; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) {
      at = stringEnd(body, at);
    } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (++depth > depthLimit) return { spans, end: at, isTooDeep: true };
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      if (--depth < base) break;
    } else if (byte === COMMA && flatten && depth === base) {
      pushTrimmed(spans, body, start, at);
      start = at + 1;
    }
  }
  pushTrimmed(spans, body, start, at);
  return { spans, end: at, isTooDeep: false };
}

/**
 * Start and end of the elements of an array, two numbers each; `undefined` where the text is anything
 * but one whole array. No array that was cut off is whole: its last bracket is what it lacks.
 */
export function scanArray(body: Uint8Array): number[] | undefined {
  const { spans, end } = scanSpans(body, Infinity);
  const isWhole = body[skipSpace(body, 0)] === OPEN_BRACKET && body[end] === CLOSE_BRACKET &&
    skipSpace(body, end + 1) === body.length;
  return isWhole ? spans : undefined;
}

function skipSpace(body: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(body[at])) at++;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB;
}

/** The position of the quote that ends the string which begins at `open`. */
function stringEnd(body: Uint8Array, open: number): number {
  for (let at = body.indexOf(QUOTE, open + 1); at >= 0; at = body.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (body[at - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return body.length;
}

function pushTrimmed(spans: number[], body: Uint8Array, from: number, to: number): void {
  const start = skipSpace(body, from);
  let end = to;
  while (end > start && isSpace(body[end - 1])) end--;
  if (start < end) spans.push(start, end);
}
