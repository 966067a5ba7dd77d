import type { RequestHeaders } from "./handler.ts";
import { ParseError } from "./parse_error.ts";

/** The head of a request (RFC 9112). */
export interface RequestHead {
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
  readonly headers: HeadFields;
  /** Whether chunks are understood, and the connection stays open unless said otherwise. */
  readonly isHttp11: boolean;
  /** How long the body is: none has 0, one in chunks `undefined`. */
  readonly bodyBytes: number | undefined;
  readonly keepsAlive: boolean;
  readonly expectsContinue: boolean;
}

/**
 * Header fields by name in lower case; those that came several times are one list. There are few, and
 * fewer are asked for: a map would take longer to fill than all looks at the list.
 */
export class HeadFields implements RequestHeaders {
  readonly #names: string[] = [];
  readonly #values: string[] = [];

  /** How many names there are. */
  get size(): number {
    return this.#names.length;
  }

  get(name: string): string | null {
    const at = this.#names.indexOf(name);
    return at < 0 ? null : this.#values[at] ?? null;
  }

  /** Adds a field; whether there was one of that name before. */
  add(name: string, value: string): boolean {
    const at = this.#names.indexOf(name);
    if (at < 0) {
      this.#names.push(name);
      this.#values.push(value);
      return false;
    }
    this.#values[at] = `${this.#values[at]}, ${value}`;
    return true;
  }
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Neither a bare CR or LF nor any other control: what one server skips ends a line for another. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const LENGTH = /^[0-9]{1,15}$/;
const FIELDS_LIMIT = 100;
const WHOLE_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e\x80-\xff]+ HTTP\/[0-9]\.[0-9]\r\n/;
const BARE_LF = /[^\r]\n/;
const PART_OF_LINE =
  /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: [\x21-\x7e\x80-\xff]*(?: [HTP/0-9.]{0,8}\r?)?)?)?$/;

/** The first line of a request. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly isHttp11: boolean;
}

/**
 * Reads the first line of a request.
 *
 * @param text begins with it
 * @param lineEnd where it ends
 * @throws {ParseError}
 */
export function parseLine(text: string, lineEnd: number): RequestLine {
  const methodEnd = text.indexOf(" ");
  const targetEnd = text.indexOf(" ", methodEnd + 1);
  if (methodEnd <= 0 || targetEnd < 0 || targetEnd > lineEnd) throw malformedLine();
  const method = text.slice(0, methodEnd);
  const target = text.slice(methodEnd + 1, targetEnd);
  if (!TOKEN.test(method) || !TARGET.test(target)) throw malformedLine();
  return { method, target, isHttp11: isVersion11(text.slice(targetEnd + 1, lineEnd)) };
}

/**
 * Reads a head. Where two servers could disagree on where the request ends, it is refused.
 *
 * @param text all before the empty line, each byte a character
 * @throws {ParseError}
 */
export function parseHead(text: string): RequestHead {
  const lineEnd = endOfLine(text, 0);
  const line = parseLine(text, lineEnd);
  return headOf(line, parseRules(text, lineEnd + 2, line.isHttp11));
}

/** A head of its line and what its fields say. */
export function headOf(
  { method, target, isHttp11 }: RequestLine,
  { headers, bodyBytes, keepsAlive, expectsContinue }: FieldRules,
): RequestHead {
  return { method, target, headers, isHttp11, bodyBytes, keepsAlive, expectsContinue };
}

/** What a request's fields say. */
export interface FieldRules {
  readonly headers: HeadFields;
  readonly bodyBytes: number | undefined;
  readonly keepsAlive: boolean;
  readonly expectsContinue: boolean;
}

/**
 * What the fields of a head say, which begin at `start` and go on to the text's end.
 *
 * @throws {ParseError}
 */
export function parseRules(text: string, start: number, isHttp11: boolean): FieldRules {
  const headers = parseFields(text, start);
  if (headers.get("host") === null && isHttp11) throw bad("The request has no Host.");
  return {
    headers,
    bodyBytes: bodyBytesOf(headers, isHttp11),
    keepsAlive: keepsAlive(headers.get("connection"), isHttp11),
    expectsContinue: isHttp11 && expectsContinue(headers.get("expect")),
  };
}

/** Fields that say where a request ends, or where it goes, have to come before its body (RFC 9110 §6.5.1). */
const NO_TRAILERS = [
  "connection",
  "content-length",
  "expect",
  "host",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/**
 * Looks at the fields after a body in chunks. What they say means nothing here, but to a server in
 * front of this one they may have been the next request.
 *
 * @param text all before the empty line, each byte a character
 * @throws {ParseError}
 */
export function parseTrailers(text: string): void {
  const fields = parseFields(text, 0);
  const name = NO_TRAILERS.find((each) => fields.get(each) !== null);
  if (name !== undefined) throw bad(`The field ${name} may not come after the body.`);
}

/** Whether a head may begin like this: what isn't HTTP is refused before a head's end is waited for. */
export function couldBeHead(text: string): boolean {
  if (!text.includes("\n")) return PART_OF_LINE.test(text);
  return WHOLE_LINE.test(text) && !BARE_LF.test(text);
}

function isVersion11(version: string): boolean {
  if (version === "HTTP/1.1") return true;
  if (version === "HTTP/1.0") return false;
  if (!/^HTTP\/[0-9]\.[0-9]$/.test(version)) throw malformedLine();
  throw new ParseError(505, `${version} is not spoken here: expected HTTP/1.1 or HTTP/1.0.`);
}

function parseFields(text: string, start: number): HeadFields {
  const fields = new HeadFields();
  for (let at = start; at < text.length;) {
    const end = endOfLine(text, at);
    const colon = text.indexOf(":", at);
    const name = colon < 0 || colon > end ? "" : text.slice(at, colon).toLowerCase();
    const value = withoutBlanks(text, colon + 1, end);
    // A name followed by a space, and a line that goes on with the one before, are no tokens either.
    if (!TOKEN.test(name) || !VALUE.test(value)) throw bad("A header line is malformed.");
    if (fields.add(name, value) && isSingle(name)) {
      throw bad(`The request has more than one ${name}.`);
    }
    if (fields.size > FIELDS_LIMIT) {
      throw new ParseError(431, `The request has more than ${FIELDS_LIMIT} headers.`);
    }
    at = end + 2;
  }
  return fields;
}

function withoutBlanks(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function isSingle(name: string): boolean {
  return name === "content-length" || name === "host" || name === "transfer-encoding";
}

function bodyBytesOf(headers: HeadFields, isHttp11: boolean): number | undefined {
  const length = headers.get("content-length");
  const encoding = headers.get("transfer-encoding");
  if (encoding === null) {
    if (length === null) return 0;
    if (LENGTH.test(length)) return Number(length);
    throw bad("Content-Length is not a number of bytes.");
  }
  if (length !== null) throw bad("The request has both Content-Length and Transfer-Encoding.");
  if (!isHttp11) throw bad("HTTP/1.0 has no Transfer-Encoding.");
  if (encoding.toLowerCase() === "chunked") return undefined;
  throw new ParseError(501, "The only Transfer-Encoding that is understood is chunked.");
}

function keepsAlive(connection: string | null, isHttp11: boolean): boolean {
  if (connection === null) return isHttp11;
  const options = connection.toLowerCase().split(",").map((option) => option.trim());
  return !options.includes("close") && (isHttp11 || options.includes("keep-alive"));
}

function expectsContinue(expect: string | null): boolean {
  if (expect === null) return false;
  if (expect.toLowerCase() === "100-continue") return true;
  throw new ParseError(417, "The only Expect that is understood is 100-continue.");
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\r\n", at);
  return end < 0 ? text.length : end;
}

/** The error for a line that can't begin a head. */
export function malformedLine(): ParseError {
  return bad("The request's first line is not METHOD TARGET HTTP/1.1.");
}

function bad(message: string): ParseError {
  return new ParseError(400, message);
}
