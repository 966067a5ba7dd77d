import { quote, StreamError } from "./errors.ts";

/**
 * Offsets are logical byte positions of the stored form. On the wire each names the space that it counts
 * in, so that an offset of a deleted stream isn't one of a later stream of the same name; then comes the
 * position. Both are of fixed width: within a space, their order as strings is their order
 * as numbers (PROTOCOL §8).
 */
const SPACE_CHARS = 8;
/**
 * Between the two. With the _ of other servers, @durable-streams/y-durable-streams adds 1 to what comes
 * after it, and reads its next update from the middle.
 */
const SEPARATOR = "-";
/** How many digits a position has at the end of a token: as many as 2^53-1. */
export const POSITION_DIGITS = 16;

/** How many offset spaces there can be: a space is a whole number below this. */
export const OFFSET_SPACES = 36 ** SPACE_CHARS;

/** The form of an offset on the wire, for a regular expression; earlier versions had _. */
export const OFFSET_PATTERN = `[0-9a-z]{${SPACE_CHARS}}[-_][0-9]{${POSITION_DIGITS}}`;

/** The start of a stream as other servers spell it; clients and test suites carry it as a constant. */
const FOREIGN_ZERO = "0000000000000000_0000000000000000";

const TOKEN = new RegExp(`^${OFFSET_PATTERN}$`);
/** How offsets were spelled when they didn't name their space. */
const NAMELESS = /^[0-9]{20}$/;

/**
 * The space that a stream's offsets are of. A fork's are its source's up to the fork point, as the bytes
 * are, and its own after it: a later fork of the same source has others there (PROTOCOL §8).
 * Ids grow, and so a fork's own space comes after its source's.
 */
export type OffsetSpace = number | ForkedSpace;

/** The spaces of a fork. */
export interface ForkedSpace {
  /** Of positions after {@link point}. */
  readonly own: number;
  readonly point: number;
  /** Of positions up to it. */
  readonly source: OffsetSpace;
}

/** The space of a position. */
export function spaceAt(space: OffsetSpace, position: number): number {
  let at = space;
  while (typeof at !== "number") {
    if (position > at.point) return at.own;
    at = at.source;
  }
  return at;
}

/** A position in the streams that share an offset space up to there: a stream and its forks. */
export interface StreamOffset {
  readonly space: number;
  readonly position: number;
}

/** A place in a stream; a bare number is that position of whatever stream is there. */
export type Offset = number | StreamOffset;

/**
 * Where a read begins: an offset, the tail as it is when the read is served (`now`), or a place that the
 * storage finds (extensions).
 */
export type ReadFrom = Offset | "now" | ReadSince | ReadLast | ReadLastMessages;

/**
 * Near the first message that was written at this time or later, in ms since 1970: no later one is left
 * out, and up to a block of earlier ones may come before. The tail where there is no such message.
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

/**
 * This many messages before the tail, or at the start where there are fewer. In a byte stream, where a
 * message is what one append brought, up to a block of earlier ones may come before.
 */
export interface ReadLastMessages {
  readonly lastMessages: number;
}

/** Whether a read begins at an offset, and not where the storage finds it to. */
export function isOffset(from: ReadFrom): from is Offset {
  return typeof from === "number" || (typeof from === "object" && "position" in from);
}

/** The position of an offset, whatever it is one of. */
export function positionOf(offset: Offset): number {
  return typeof offset === "number" ? offset : offset.position;
}

/** The zeros before a position of so many digits: padding anew costs an append more than its look-up. */
const ZEROS = Array.from(
  { length: POSITION_DIGITS + 1 },
  (_, digits) => "0".repeat(POSITION_DIGITS - digits),
);

/** So many spaces' texts are kept: making one costs an append more than the rest of its token. */
const KEPT_SPACES = 1024;
const keptSpaces = new Float64Array(KEPT_SPACES).fill(-1);
const keptTexts: string[] = new Array<string>(KEPT_SPACES).fill("");

/** The wire token of a position. */
export function formatOffset(space: OffsetSpace, position: number): string {
  const digits = String(position);
  return `${formatSpace(spaceAt(space, position))}${ZEROS[digits.length]}${digits}`;
}

/** The beginning of all tokens of a space. */
function formatSpace(space: number): string {
  const slot = space & (KEPT_SPACES - 1);
  const kept = keptTexts[slot];
  if (keptSpaces[slot] === space && kept !== undefined) return kept;
  const text = `${space.toString(36).padStart(SPACE_CHARS, "0")}${SEPARATOR}`;
  keptSpaces[slot] = space;
  keptTexts[slot] = text;
  return text;
}

/**
 * The place that a token names: an offset, `-1` for the start, or `now`.
 *
 * @throws {StreamError} `invalid_offset`
 */
export function parseReadOffset(token: string): Offset | "now" {
  if (token === "-1") return 0;
  if (token === "now") return "now";
  const offset = offsetOf(token);
  if (offset !== undefined) return offset;
  throw malformed("The offset", token, ", -1 for the start or now for the tail");
}

/**
 * The offset that a token minted by this server names.
 *
 * @param header the header that it came in, for the error's message
 * @throws {StreamError} `invalid_offset`
 */
export function parseOffset(header: string, token: string): Offset {
  const offset = offsetOf(token);
  if (offset !== undefined) return offset;
  throw malformed(header, token, "");
}

/** The position in a token of this project's server; `undefined` in any other's. */
export function tokenPosition(token: string): number | undefined {
  const offset = offsetOf(token);
  return offset === undefined ? undefined : positionOf(offset);
}

/** The space and the position in a token of this project's server; `undefined` in any other's. */
export function streamOffsetOf(token: string): StreamOffset | undefined {
  const offset = offsetOf(token);
  return typeof offset === "number" ? undefined : offset;
}

function offsetOf(token: string): Offset | undefined {
  if (token === FOREIGN_ZERO) return 0;
  if (!TOKEN.test(token)) return undefined;
  const position = Number(token.slice(SPACE_CHARS + 1));
  if (!Number.isSafeInteger(position)) return undefined;
  return { space: parseInt(token.slice(0, SPACE_CHARS), 36), position };
}

function malformed(what: string, token: string, others: string): StreamError {
  const why = NAMELESS.test(token)
    ? "is one of an earlier version, which doesn't say what stream it is of"
    : "is malformed";
  return new StreamError(
    { code: "invalid_offset" },
    `${what} ${quote(token)} ${why}: use a Stream-Next-Offset value of the stream ` +
      `(${SPACE_CHARS} characters, ${SEPARATOR} and ${POSITION_DIGITS} digits)${others}.`,
  );
}
