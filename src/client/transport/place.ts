import { invalidArgument } from "../errors/invalid_argument.ts";

/** The start of a stream (PROTOCOL §8). */
export const START = "-1";
/** The tail of a stream at the time of the request (PROTOCOL §8). */
export const NOW = "now";

/**
 * A place between two messages: an offset that the server gave, and the number of messages between it
 * and the place. Servers give offsets only for the ends of their responses; with the count a reader can
 * stop and resume anywhere. Its token is the plain offset, or `OFFSET/COUNT`.
 */
export interface Place {
  /** An offset that the server gave, or `-1` or `now`. */
  readonly offset: string;
  /** Messages after the offset (bytes if the stream isn't JSON); 0 if the place is the offset itself. */
  readonly skip: number;
}

/** A character that no offset of a server contains (PROTOCOL §8). */
const SEPARATOR = "/";
const TOKEN = /^([^,&=?/\s]+)(?:\/([1-9]\d{0,14}))?$/;

/** The place as a token to store: the plain offset if there is no count. */
export function formatPlace({ offset, skip }: Place): string {
  return skip === 0 ? offset : `${offset}${SEPARATOR}${skip}`;
}

/** Whether a place's token is an offset of the server, which every client understands. */
export function isServerOffset(token: string): boolean {
  return !token.includes(SEPARATOR);
}

/**
 * The place that a token names; an empty one means the start.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parsePlace } from "./place.ts";
 *
 * assert.deepEqual(parsePlace("00000000000000000042"), { offset: "00000000000000000042", skip: 0 });
 * // Not an offset of a server: one message after the start.
 * assert.deepEqual(parsePlace("-1/1"), { offset: "-1", skip: 1 });
 * ```
 *
 * @throws {ClientError} `invalid_argument`
 */
export function parsePlace(token: string): Place {
  if (token === "") return { offset: START, skip: 0 };
  const [, offset, skip = "0"] = typeof token === "string" ? TOKEN.exec(token) ?? [] : [];
  if (offset === undefined || (offset === NOW && skip !== "0")) {
    throw invalidArgument(
      "The offset",
      token,
      "one that was given, -1 for the start or now for the tail",
    );
  }
  return { offset, skip: Number(skip) };
}
