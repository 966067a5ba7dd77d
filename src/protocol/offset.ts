import { quote, StreamError } from "./errors.ts";

/**
 * Offsets are logical byte positions of the stored form. On the wire they are decimal and of fixed
 * width, so that their order as strings is their order as numbers (PROTOCOL §8).
 */
export const OFFSET_DIGITS = 20;

/** The start of a stream as other servers spell it; clients and test suites carry it as a constant. */
const FOREIGN_ZERO = "0000000000000000_0000000000000000";

const TOKEN = /^[0-9]{20}$/;

/**
 * Where a read begins: a position, the tail as it is when the read is served (`now`), or a place that
 * the storage finds (extensions).
 */
export type ReadFrom = number | "now" | ReadSince | ReadLast;

/**
 * Near the first message that was written at this time or later, in ms since 1970: none of those is left
 * out, and up to a block of earlier ones may come before. The tail where there is none.
 */
export interface ReadSince {
  readonly sinceMs: number;
}

/**
 * This many bytes before the tail, or at the start where there are fewer; in JSON mode at the nearest
 * message's boundary at or before that.
 */
export interface ReadLast {
  readonly lastBytes: number;
}

/** The zeros before a position of so many digits: padding anew costs an append more than its look-up. */
const ZEROS = Array.from(
  { length: OFFSET_DIGITS + 1 },
  (_, digits) => "0".repeat(OFFSET_DIGITS - digits),
);

/** The wire token of a position. */
export function formatOffset(position: number): string {
  const digits = String(position);
  return `${ZEROS[digits.length]}${digits}`;
}

/**
 * The position that a token names: 20 digits, `-1` for the start, or `now`.
 *
 * @throws {StreamError} `invalid_offset`
 */
export function parseReadOffset(token: string): ReadFrom {
  if (token === "-1") return 0;
  if (token === "now") return "now";
  const position = positionOf(token);
  if (position !== undefined) return position;
  throw malformed("The offset", token, ", -1 for the start or now for the tail");
}

/**
 * The position that a token minted by this server names.
 *
 * @param header the header that it came in, for the error's message
 * @throws {StreamError} `invalid_offset`
 */
export function parseOffset(header: string, token: string): number {
  const position = positionOf(token);
  if (position !== undefined) return position;
  throw malformed(header, token, "");
}

function positionOf(token: string): number | undefined {
  if (token === FOREIGN_ZERO) return 0;
  const position = TOKEN.test(token) ? Number(token) : NaN;
  return Number.isSafeInteger(position) ? position : undefined;
}

function malformed(what: string, token: string, others: string): StreamError {
  return new StreamError(
    { code: "invalid_offset" },
    `${what} ${quote(token)} is malformed: use a Stream-Next-Offset value of the stream ` +
      `(${OFFSET_DIGITS} digits)${others}.`,
  );
}
