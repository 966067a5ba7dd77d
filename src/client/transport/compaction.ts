import { STREAM_COMPACTION } from "../../protocol/headers.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";
import { checkIntegers } from "../errors/option_checks.ts";

/**
 * Which messages of a JSON stream stand for others (an extension of this project's server): older ones of the
 * same key go, some time later.
 */
export interface Compaction {
  /** `state` for the State Protocol's `type` and `key`, or a JSON pointer such as `/id`. */
  key: string;
  /** How long a message stays that deletes its key; a day unless given. */
  tombstoneSeconds?: number | undefined;
}

const KEY = /key=(?:"((?:[^"\\]|\\.)*)"|([a-z]+))/;
const TOMBSTONES = /tombstones=([0-9]+)[ \t]*$/;

/**
 * A compaction as a `Stream-Compaction` has it.
 *
 * @param compaction `null` for none
 * @throws {ClientError} `invalid_argument`
 */
export function compactionText(compaction: Compaction | null): string {
  if (compaction === null) return "";
  if (typeof compaction?.key !== "string") {
    throw invalidArgument(
      "compaction",
      compaction,
      'an object with a key ("state" or "/pointer"), or null',
    );
  }
  checkIntegers(compaction, ["tombstoneSeconds"], 0);
  const { key, tombstoneSeconds } = compaction;
  const text = key === "state" ? "key=state" : `key="${key.replace(/["\\]/g, "\\$&")}"`;
  return tombstoneSeconds === undefined ? text : `${text}, tombstones=${tombstoneSeconds}`;
}

/** The compaction in the headers of a response; `undefined` where there is none. */
export function compactionIn(headers: Headers): Compaction | undefined {
  const text = headers.get(STREAM_COMPACTION) ?? "";
  const [, quoted, token] = KEY.exec(text) ?? [];
  const key = token ?? quoted?.replace(/\\(.)/g, "$1");
  if (key === undefined) return undefined;
  const seconds = TOMBSTONES.exec(text)?.[1];
  return seconds === undefined ? { key } : { key, tombstoneSeconds: Number(seconds) };
}
