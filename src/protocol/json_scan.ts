/** A JSON text that was looked through, and where its messages stand (PROTOCOL §9.1). */
export interface JsonScan {
  /** Start and end of every message, two numbers each: an array's elements, otherwise the one value. */
  spans: number[];
  /** Whether there are raw line breaks between its tokens. */
  hasLineBreaks: boolean;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_B = 0x62;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_R = 0x72;
const LOWER_T = 0x74;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** From here on a byte is a part of a longer character. */
const NOT_ASCII = 0x80;

/** Strings longer than this are looked through by words. */
const SHORT_BYTES = 16;
const WORD_BYTES = 4;
const ONES = 0x01010101;
const SPACES = 0x20202020;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const HIGH_BITS = 0x80808080 | 0;

const TRUE = [0x74, 0x72, 0x75, 0x65];
const FALSE = [0x66, 0x61, 0x6c, 0x73, 0x65];
const NULL = [0x6e, 0x75, 0x6c, 0x6c];

/**
 * Looks through a JSON text (RFC 8259, in UTF-8) once, without making anything of it: `JSON.parse` and
 * the text that it wants take three times as long. `undefined` where it is not valid or nests deeper
 * than the limit.
 */
export function scanJson(body: Uint8Array, depthLimit: number): JsonScan | undefined {
  return new Scanner(body, depthLimit).scan();
}

class Scanner {
  readonly #body: Uint8Array;
  readonly #view: DataView;
  /** For each open array or object whether it is an object. */
  readonly #isObject: boolean[] = [];
  readonly #depthLimit: number;
  #at = 0;
  #hasLineBreaks = false;

  constructor(body: Uint8Array, depthLimit: number) {
    this.#body = body;
    this.#view = new DataView(body.buffer, body.byteOffset, body.length);
    this.#depthLimit = depthLimit;
  }

  scan(): JsonScan | undefined {
    const spans: number[] = [];
    const first = this.#skipSpace();
    if (first === OPEN_BRACKET) {
      if (!this.#scanElements(spans)) return undefined;
    } else {
      const start = this.#at;
      if (!this.#scanValue(first)) return undefined;
      spans.push(start, this.#at);
    }
    this.#skipSpace();
    return this.#at === this.#body.length
      ? { spans, hasLineBreaks: this.#hasLineBreaks }
      : undefined;
  }

  /** The outermost array, whose elements are the messages. */
  #scanElements(spans: number[]): boolean {
    if (this.#depthLimit < 1) return false;
    this.#isObject.push(false);
    this.#at++;
    let byte = this.#skipSpace();
    if (byte === CLOSE_BRACKET) {
      this.#at++;
      return true;
    }
    while (true) {
      const start = this.#at;
      if (!this.#scanValue(byte)) return false;
      spans.push(start, this.#at);
      byte = this.#skipSpace();
      this.#at++;
      if (byte === CLOSE_BRACKET) return true;
      if (byte !== COMMA) return false;
      byte = this.#skipSpace();
    }
  }

  /** A value with all in it; afterwards the position is right after it. */
  #scanValue(firstByte: number): boolean {
    const open = this.#isObject;
    const base = open.length;
    let byte = firstByte;
    while (true) {
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        const isObject = byte === OPEN_BRACE;
        if (open.length >= this.#depthLimit) return false;
        this.#at++;
        byte = this.#skipSpace();
        if (byte !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
          open.push(isObject);
          if (isObject && !this.#scanKey(byte)) return false;
          if (isObject) byte = this.#skipSpace();
          continue;
        }
        this.#at++;
      } else if (!this.#scanScalar(byte)) return false;
      // Behind a value: on with the next one, or out of what it ends.
      while (true) {
        if (open.length === base) return true;
        byte = this.#skipSpace();
        this.#at++;
        const isObject = open[open.length - 1] === true;
        if (byte === COMMA) {
          byte = this.#skipSpace();
          if (isObject) {
            if (!this.#scanKey(byte)) return false;
            byte = this.#skipSpace();
          }
          break;
        }
        if (byte !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return false;
        open.pop();
      }
    }
  }

  #scanKey(byte: number): boolean {
    if (byte !== QUOTE || !this.#scanString()) return false;
    const colon = this.#skipSpace();
    this.#at++;
    return colon === COLON;
  }

  #scanScalar(byte: number): boolean {
    switch (byte) {
      case QUOTE:
        return this.#scanString();
      case LOWER_T:
        return this.#scanWord(TRUE);
      case LOWER_F:
        return this.#scanWord(FALSE);
      case LOWER_N:
        return this.#scanWord(NULL);
      default:
        return this.#scanNumber();
    }
  }

  #scanWord(word: readonly number[]): boolean {
    for (const byte of word) if (this.#body[this.#at++] !== byte) return false;
    return true;
  }

  #scanNumber(): boolean {
    const body = this.#body;
    if (body[this.#at] === MINUS) this.#at++;
    if (body[this.#at] === ZERO) this.#at++;
    else if (!this.#scanDigits()) return false;
    if (body[this.#at] === POINT) {
      this.#at++;
      if (!this.#scanDigits()) return false;
    }
    if (((body[this.#at] ?? 0) | 0x20) !== LOWER_E) return true;
    this.#at++;
    const sign = body[this.#at];
    if (sign === PLUS || sign === MINUS) this.#at++;
    return this.#scanDigits();
  }

  #scanDigits(): boolean {
    const body = this.#body;
    const start = this.#at;
    let at = start;
    while ((body[at] ?? 0) >= ZERO && (body[at] ?? 0) <= NINE) at++;
    this.#at = at;
    return at > start;
  }

  #scanString(): boolean {
    const body = this.#body;
    const view = this.#view;
    const lastWord = body.length - WORD_BYTES;
    let at = this.#at + 1;
    while (true) {
      const near = at + SHORT_BYTES;
      let byte = body[at] ?? 0;
      while (isPlain(byte)) {
        if (++at === near) {
          while (at <= lastWord && arePlain(view.getInt32(at, true))) at += WORD_BYTES;
        }
        byte = body[at] ?? 0;
      }
      if (byte === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      const length = byte === BACKSLASH ? escapeBytes(body, at) : characterBytes(body, at);
      if (length === 0) return false;
      at += length;
    }
  }

  /** Advances to the next byte that isn't white space; 0 after the last one. */
  #skipSpace(): number {
    const body = this.#body;
    let at = this.#at;
    let byte = body[at] ?? 0;
    while (byte <= SPACE) {
      if (byte === LINE_FEED || byte === CARRIAGE_RETURN) this.#hasLineBreaks = true;
      else if (byte !== SPACE && byte !== TAB) break;
      byte = body[++at] ?? 0;
    }
    this.#at = at;
    return byte;
  }
}

/** Whether a byte of a string stands for itself: no quote, no backslash, and of ASCII. */
function isPlain(byte: number): boolean {
  return byte >= SPACE && byte < NOT_ASCII && byte !== QUOTE && byte !== BACKSLASH;
}

/** Whether four bytes of a string all do. */
function arePlain(word: number): boolean {
  const quotes = word ^ QUOTES;
  const backslashes = word ^ BACKSLASHES;
  // A byte's high bit is set where subtracting borrows from it, or where it was.
  const found = word | (word - SPACES) | ((quotes - ONES) & ~quotes) |
    ((backslashes - ONES) & ~backslashes);
  return (found & HIGH_BITS) === 0;
}

/** The length of the escape that begins with this backslash; 0 where it is no valid one. */
function escapeBytes(body: Uint8Array, at: number): number {
  switch (body[at + 1]) {
    case QUOTE:
    case BACKSLASH:
    case SLASH:
    case LOWER_B:
    case LOWER_F:
    case LOWER_N:
    case LOWER_R:
    case LOWER_T:
      return 2;
    case LOWER_U:
      return isHex(body[at + 2]) && isHex(body[at + 3]) && isHex(body[at + 4]) &&
          isHex(body[at + 5])
        ? 6
        : 0;
    default:
      return 0;
  }
}

function isHex(byte = 0): boolean {
  const lower = byte | 0x20;
  return (byte >= ZERO && byte <= NINE) || (lower >= 0x61 && lower <= 0x66);
}

/**
 * The length of the character of several bytes that begins here (RFC 3629 §4); 0 where there is no
 * valid one, as at a control character.
 */
function characterBytes(body: Uint8Array, at: number): number {
  const first = body[at] ?? 0;
  const second = body[at + 1] ?? 0;
  if (first >= 0xc2 && first <= 0xdf) return isContinuation(second) ? 2 : 0;
  const isThird = isContinuation(body[at + 2] ?? 0);
  if (first >= 0xe0 && first <= 0xef) {
    const least = first === 0xe0 ? 0xa0 : 0x80;
    const most = first === 0xed ? 0x9f : 0xbf;
    return second >= least && second <= most && isThird ? 3 : 0;
  }
  if (first < 0xf0 || first > 0xf4) return 0;
  const least = first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xf4 ? 0x8f : 0xbf;
  return second >= least && second <= most && isThird && isContinuation(body[at + 3] ?? 0) ? 4 : 0;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
