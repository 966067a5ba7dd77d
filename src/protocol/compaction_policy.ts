import { isJsonType } from "./content_type.ts";
import { quote, StreamError } from "./errors.ts";

/** Which of a JSON stream's messages stand for others of the same key (an extension). */
export interface CompactionPolicy {
  /** `state`, or a JSON pointer (RFC 6901). */
  readonly key: string;
  /** How long a deletion is kept, in ms. */
  readonly deleteKeepMs?: number;
}

/** A deletion stays for so long unless a policy says something else: a day. */
export const DEFAULT_DELETE_KEEP_MS = 24 * 3600 * 1000;

/** The key of a policy that goes by the State Protocol: a message's `type` and `key`. */
export const STATE_KEY = "state";

/** A hundred years: longer than that is a mistake, or for ever. */
const MAX_KEEP_SECONDS = 100 * 365 * 24 * 3600;
/** Longer pointers are a mistake. */
const MAX_POINTER_LENGTH = 1024;
/** RFC 6901: at least one reference token, `~` only as `~0` and `~1`. */
const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/u;
const PART =
  /^[ \t]*(?:key=(?:"((?:[^"\\]|\\["\\])*)"|([a-z]+))|tombstones=(0|[1-9][0-9]{0,15}))[ \t]*(?:,|$)/;

const FORM =
  `key=state or key="/pointer" (RFC 6901, at most ${MAX_POINTER_LENGTH} characters), and ` +
  `tombstones=SECONDS (0 to ${MAX_KEEP_SECONDS}) if need be, by a comma; or nothing, to keep everything`;

/**
 * The compaction that a `Stream-Compaction` value asks for: `key="/id"` or `key=state`, and perhaps
 * `tombstones=86400`. An empty one keeps everything: `undefined`.
 *
 * @throws {StreamError} `invalid_header`
 */
export function parseCompaction(value: string): CompactionPolicy | undefined {
  if (value.trim() === "") return undefined;
  let key: string | undefined;
  let keepSeconds: number | undefined;
  for (let rest = value; rest.trim() !== "";) {
    const match = PART.exec(rest);
    if (match === null) throw invalid(value, `has ${quote(rest.trim())}`);
    const [all, quoted, token, seconds] = match;
    rest = rest.slice(all.length);
    if (seconds === undefined) {
      if (key !== undefined) throw invalid(value, "has two keys");
      key = keyOf(value, quoted, token);
    } else {
      if (keepSeconds !== undefined) throw invalid(value, "says twice how long tombstones stay");
      keepSeconds = Number(seconds);
      if (keepSeconds > MAX_KEEP_SECONDS) throw invalid(value, `has ${quote(seconds)}`);
    }
  }
  if (key === undefined) throw invalid(value, "has no key");
  return keepSeconds === undefined ? { key } : { key, deleteKeepMs: keepSeconds * 1000 };
}

function keyOf(value: string, quoted: string | undefined, token: string | undefined): string {
  if (token === STATE_KEY) return STATE_KEY;
  const pointer = quoted?.replace(/\\(.)/g, "$1") ?? "";
  if (pointer.length <= MAX_POINTER_LENGTH && POINTER.test(pointer)) return pointer;
  throw invalid(value, `has the key ${quote(quoted ?? token ?? "")}`);
}

function invalid(value: string, what: string): StreamError {
  return new StreamError(
    { code: "invalid_header" },
    `Stream-Compaction ${quote(value)} ${what}: expected ${FORM}.`,
  );
}

/** The `Stream-Compaction` value of a policy; how long tombstones stay is always in it. */
export function formatCompaction({ key, deleteKeepMs }: CompactionPolicy): string {
  const keepSeconds = Math.ceil((deleteKeepMs ?? DEFAULT_DELETE_KEEP_MS) / 1000);
  const text = key === STATE_KEY ? key : `"${key.replace(/["\\]/g, "\\$&")}"`;
  return `key=${text}, tombstones=${keepSeconds}`;
}

/**
 * Checks that a stream can have a policy.
 *
 * @throws {StreamError} `invalid_header`
 */
export function checkCompaction(policy: CompactionPolicy, contentType: string): void {
  if (!isJsonType(contentType)) {
    throw new StreamError(
      { code: "invalid_header" },
      `A stream of the type ${quote(contentType)} can't be compacted: its messages have no keys. ` +
        "Only streams of JSON can.",
    );
  }
  // Its text is what may be asked for, however it came.
  parseCompaction(formatCompaction(policy));
}

/** Whether two policies ask for the same; without one, all is kept. */
export function sameCompaction(
  a: CompactionPolicy | undefined,
  b: CompactionPolicy | undefined,
): boolean {
  return (a && formatCompaction(a)) === (b && formatCompaction(b));
}
