import type { Bytes } from "../protocol/bytes.ts";
import { areTooShort, TOO_SHORT_CHUNKS } from "./chunk_limit.ts";
import { ParseError } from "./parse_error.ts";
import { parseTrailers } from "./request_head.ts";

const SIZE_DIGITS = 12;
const EXTENSION_LIMIT_BYTES = 256;
const TRAILER_LIMIT_BYTES = 8 * 1024;
const TAB = 9;
const LF = 10;
const CR = 13;
const BLANK = 32;
const SEMICOLON = 59;

/** Takes what is found of a body: `input` between `start` and `end`. */
export type TakeData = (input: Bytes, start: number, end: number) => void;

/** Takes a body in chunks apart (RFC 9112 §7.1). What extensions and trailers say means nothing here. */
export class ChunkedDecoder {
  #state:
    | "size"
    | "blank"
    | "extension"
    | "size end"
    | "data"
    | "data end"
    | "data LF"
    | "trailer"
    | "done" = "size";
  #digits = 0;
  #extensionBytes = 0;
  /** How much is left of the chunk; while its size is read, the size so far. */
  #left = 0;
  #chunks = 0;
  #dataBytes = 0;
  #trailers = "";

  /** Whether the body has ended. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  /**
   * Takes what has come.
   *
   * @param take gets the data, in the order of the body
   * @returns how many bytes belong to the body: what comes after them is the next request's
   * @throws {ParseError}
   */
  decode(input: Bytes, take: TakeData): number {
    let at = 0;
    while (at < input.length && this.#state !== "done") {
      if (this.#state === "data") {
        const end = Math.min(input.length, at + this.#left);
        take(input, at, end);
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = "data end";
      } else {
        this.#take(input[at++] ?? 0);
      }
    }
    return at;
  }

  #take(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#takeDigit(byte);
      case "blank":
      case "extension":
        return this.#takeExtension(byte);
      case "size end":
        if (byte !== LF) throw malformedChunk();
        return this.#endSize();
      case "data end":
        if (byte !== CR) throw malformedChunk();
        this.#state = "data LF";
        return;
      case "data LF":
        if (byte !== LF) throw malformedChunk();
        this.#state = "size";
        return;
      case "trailer":
        return this.#takeTrailer(byte);
    }
  }

  #takeDigit(byte: number): void {
    const digit = hexDigit(byte);
    if (digit < 0) {
      if (this.#digits === 0) throw malformedChunk();
      this.#state = "blank";
      return this.#takeExtension(byte);
    }
    if (++this.#digits > SIZE_DIGITS) throw malformedChunk();
    this.#left = this.#left * 16 + digit;
  }

  /** Takes the rest of the size's line: nothing, or blanks and a semicolon and then anything. */
  #takeExtension(byte: number): void {
    if (byte === CR) {
      if (this.#state === "blank" && this.#extensionBytes > 0) throw malformedChunk();
      this.#state = "size end";
      return;
    }
    if (++this.#extensionBytes > EXTENSION_LIMIT_BYTES) throw malformedChunk();
    if (byte === SEMICOLON) this.#state = "extension";
    else if (byte === TAB || byte === BLANK) return;
    else if (this.#state === "blank" || byte < BLANK || byte === 127) throw malformedChunk();
  }

  #endSize(): void {
    this.#state = this.#left === 0 ? "trailer" : "data";
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#dataBytes += this.#left;
    if (areTooShort(++this.#chunks, this.#dataBytes)) throw new ParseError(400, TOO_SHORT_CHUNKS);
  }

  #takeTrailer(byte: number): void {
    if (this.#trailers.length === TRAILER_LIMIT_BYTES) {
      throw new ParseError(400, `The trailers are longer than ${TRAILER_LIMIT_BYTES} bytes.`);
    }
    this.#trailers += String.fromCharCode(byte);
    if (byte !== LF) return;
    if (!this.#trailers.endsWith("\r\n")) throw malformedChunk();
    if (this.#trailers === "\r\n") this.#state = "done";
    if (!this.#trailers.endsWith("\r\n\r\n")) return;
    parseTrailers(this.#trailers.slice(0, -4));
    this.#state = "done";
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function malformedChunk(): ParseError {
  return new ParseError(400, "A chunk of the body is malformed.");
}
