import { invalidArgument } from "../errors/invalid_argument.ts";

/** Where a reader begins who wants it all (PROTOCOL §8). */
export const START = "-1";
/** Where a reader begins who wants only what comes from now on (PROTOCOL §8). */
export const NOW = "now";

/**
 * A place between two messages: an offset that the server gave, and how many of the messages that
 * follow it come before the place. Servers give offsets only for the ends of their answers; with the
 * count a reader can stop and resume anywhere. Its token is the plain offset, or `OFFSET/COUNT`.
 */
export interface Place {
  /** An offset of the server's, or `-1` or `now`. */
  readonly offset: string;
  /** Messages (of bytes: bytes) after the offset; 0 where the place is the offset itself. */
  readonly skip: number;
}

/** No server's offset has this in it (PROTOCOL §8). */
const SEPARATOR = "/";
const TOKEN = /^([^,&=?/\s]+)(?:\/([1-9]\d{0,14}))?$/;

/** The place as the token that users keep: the plain offset wherever that says it. */
export function formatPlace({ offset, skip }: Place): string {
  return skip === 0 ? offset : `${offset}${SEPARATOR}${skip}`;
}

/** Whether a place's token is an offset of the server's, which means the same to every client. */
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
 * // No offset of any server: one message after the start.
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
