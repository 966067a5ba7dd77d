/** What a JSON value is. */
export type JsonKind = "object" | "array" | "string" | "number" | "word";

/** A member of an object, or an element of an array. */
export interface JsonChild {
  /** The member's name; an element's index. */
  readonly key: string | number;
  readonly kind: JsonKind;
  /** Where its value is in the bytes. */
  readonly start: number;
  readonly end: number;
}

/** Some children of an object or array. */
export interface JsonChildren {
  readonly children: readonly JsonChild[];
  /** Where the next ones are; undefined behind the last. */
  readonly rest: JsonCursor | undefined;
}

/** Where to go on among children. */
export interface JsonCursor {
  readonly at: number;
  readonly index: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What the value that begins here is. The bytes are JSON: the server has checked them. */
export function kindAt(bytes: Uint8Array, at: number): JsonKind {
  const byte = bytes[at] ?? 0;
  if (byte === OPEN_BRACE) return "object";
  if (byte === OPEN_BRACKET) return "array";
  if (byte === QUOTE) return "string";
  return byte === 0x2d || (byte >= 0x30 && byte <= 0x39) ? "number" : "word";
}

/** Where the value in these bytes begins. */
export function valueStart(bytes: Uint8Array, at = 0): number {
  let start = at;
  while (start < bytes.length && (bytes[start] ?? 0) <= SPACE) start++;
  return start;
}

/**
 * The next children of the object or array that begins at `container`, at most `limit`: nothing of what
 * comes behind them is looked at, so that a million keys cost no more than a screen of them.
 */
export function childrenOf(
  bytes: Uint8Array,
  container: number,
  limit: number,
  from: JsonCursor = { at: container + 1, index: 0 },
): JsonChildren {
  const isObject = bytes[container] === OPEN_BRACE;
  const children: JsonChild[] = [];
  let at = valueStart(bytes, from.at);
  let index = from.index;
  while (at < bytes.length && bytes[at] !== CLOSE_BRACE && bytes[at] !== CLOSE_BRACKET) {
    if (children.length === limit) return { children, rest: { at, index } };
    let key: string | number = index;
    if (isObject) {
      const keyEnd = endOfString(bytes, at);
      key = stringIn(bytes, at, keyEnd);
      at = valueStart(bytes, valueStart(bytes, keyEnd) + 1);
    }
    const end = endOfValue(bytes, at);
    children.push({ key, kind: kindAt(bytes, at), start: at, end });
    index++;
    at = valueStart(bytes, end);
    if (bytes[at] === COMMA) at = valueStart(bytes, at + 1);
  }
  return { children, rest: undefined };
}

/** The value of an object's member, the last one of that name; undefined where there is none. */
export function memberOf(
  bytes: Uint8Array,
  container: number,
  name: string,
): JsonChild | undefined {
  let found: JsonChild | undefined;
  let rest: JsonCursor | undefined = { at: container + 1, index: 0 };
  while (rest !== undefined) {
    const some: JsonChildren = childrenOf(bytes, container, 256, rest);
    found = some.children.findLast(({ key }) => key === name) ?? found;
    rest = some.rest;
  }
  return found;
}

/** The text of a string's bytes, quotes included in them; of a damaged one, what stands there. */
export function stringIn(bytes: Uint8Array, start: number, end: number): string {
  const raw = decoder.decode(bytes.subarray(start + 1, end - 1));
  if (!raw.includes("\\")) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}

/** Where the value that begins at `start` ends. */
export function endOfValue(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first === QUOTE) return endOfString(bytes, start);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return endOfScalar(bytes, start);
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(bytes, at) - 1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (--depth === 0) return at + 1;
    }
  }
  return bytes.length;
}

function endOfScalar(bytes: Uint8Array, start: number): number {
  let at = start;
  for (; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const ends = byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET ||
      byte === COLON || byte <= SPACE;
    if (ends) break;
  }
  return at;
}

/** Right behind the quote that ends the string which begins at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(QUOTE, start + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (bytes[at - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return bytes.length;
}
