import type { Buffer } from "node:buffer";
import { type FieldRules, headOf, parseHead, parseLine, type RequestHead } from "./request_head.ts";

const CR = 13;
const LF = 10;
const HEAD_END = "\r\n\r\n";
/** So much is looked through for a head's end at once. */
const WINDOW_BYTES = 2048;
/**
 * The fields of longer heads aren't kept for their connection: there may be very many of these, and whatever
 * is a part of a head's text keeps all of it.
 */
const KEPT_LIMIT_BYTES = 2048;

/** Fields as they came, the empty line behind them included, and what they say. */
interface KnownFields {
  readonly bytes: Uint8Array;
  readonly isHttp11: boolean;
  readonly rules: FieldRules;
}

/** The newest fields of all connections: where clients differ in nothing they have those of each other. */
let newest: KnownFields | undefined;

/**
 * Reads the heads of one connection. Most have the fields of the one before, byte by byte: these are
 * compared, and neither searched, decoded nor parsed again. On Deno the search alone takes 5 ns a byte, so
 * that a token in the fields would cost as much as all else about it.
 */
export class HeadReader {
  /** Behind the empty line of the head that was read last. */
  end = 0;
  #own: KnownFields | undefined;

  /**
   * The head that begins at `at`; `undefined` where its end isn't here yet.
   *
   * @param limitBytes a longer one isn't looked for
   * @throws {ParseError} as {@link parseHead}
   */
  read(input: Buffer, at: number, limitBytes: number): RequestHead | undefined {
    const lineEnd = input.indexOf(LF, at) - 1;
    if (lineEnd > at && input[lineEnd] === CR) {
      const start = lineEnd + 2;
      const known = findKnown(this.#own, input, start) ?? findKnown(newest, input, start);
      const end = start + (known?.bytes.length ?? 0);
      if (known !== undefined && end - HEAD_END.length - at <= limitBytes) {
        const line = parseLine(input.toString("latin1", at, lineEnd), lineEnd - at);
        if (line.isHttp11 === known.isHttp11) {
          this.end = end;
          return headOf(line, known.rules);
        }
      }
    }
    return this.#parse(input, at, limitBytes);
  }

  /** Keeps nothing of the heads that were read: of a connection whose next one is long away. */
  forget(): void {
    this.#own = undefined;
  }

  #parse(input: Buffer, at: number, limitBytes: number): RequestHead | undefined {
    const text = textOfHead(input, at, limitBytes);
    if (text === undefined) return undefined;
    const head = parseHead(text);
    this.end = at + text.length + HEAD_END.length;
    const lineEnd = text.indexOf("\r\n");
    if (lineEnd >= 0) this.#remember(input, at, at + lineEnd + 2, head);
    return head;
  }

  /** Only of heads that are good: fields that are refused are never known. */
  #remember(input: Buffer, at: number, start: number, head: RequestHead): void {
    // A copy of its own: the input may be a part of something large.
    const bytes = new Uint8Array(this.end - start);
    input.copy(bytes, 0, start, this.end);
    newest = { bytes, isHttp11: head.isHttp11, rules: head };
    this.#own = this.end - at > KEPT_LIMIT_BYTES ? undefined : newest;
  }
}

function findKnown(
  known: KnownFields | undefined,
  input: Buffer,
  start: number,
): KnownFields | undefined {
  if (known === undefined) return undefined;
  const { bytes } = known;
  const end = start + bytes.length;
  if (end > input.length || input.compare(bytes, 0, bytes.length, start, end) !== 0) {
    return undefined;
  }
  return known;
}

/** All before the empty line, each byte a character. */
function textOfHead(input: Buffer, at: number, limitBytes: number): string | undefined {
  const most = Math.min(input.length, at + limitBytes + HEAD_END.length);
  for (let window = WINDOW_BYTES;; window *= 4) {
    const until = Math.min(most, at + window);
    const text = input.toString("latin1", at, until);
    const end = text.indexOf(HEAD_END);
    // A slice would keep all of the text.
    if (end >= 0) return input.toString("latin1", at, at + end);
    if (until === most) return undefined;
  }
}
