import { quote, StreamError } from "./errors.ts";

/**
 * What of a stream may go (an extension): each limit lets go of what is oldest, and the strictest counts.
 * A policy without any limit keeps everything.
 */
export interface RetentionPolicy {
  /** What was written longer ago than this may go. */
  readonly ageMs?: number;
  /** How many bytes of the newest stay. */
  readonly bytes?: number;
  /** How many of the newest messages stay. */
  readonly messages?: number;
  /** What lies before the newest snapshot may go. */
  readonly toSnapshot?: true;
}

/** A hundred years: longer than that is a mistake, or for ever. */
export const MAX_RETENTION_SECONDS = 100 * 365 * 24 * 3600;

const RETENTION_FORM = `age=SECONDS (1 to ${MAX_RETENTION_SECONDS}), bytes=N, messages=N and ` +
  "to-snapshot, by commas, each at most once; or nothing, to keep everything";
const WHOLE_NUMBER = /^[1-9][0-9]{0,15}$/;

/**
 * The retention that a `Stream-Retention` value asks for: `age=604800, bytes=1000000, messages=1000,
 * to-snapshot`. An empty one keeps everything.
 *
 * @throws {StreamError} `invalid_header`
 */
export function parseRetention(value: string): RetentionPolicy {
  let policy: RetentionPolicy = {};
  if (value.trim() === "") return policy;
  for (const part of value.split(",")) {
    const limit = retentionLimit(part.trim());
    const isTwice = Object.keys(limit ?? {}).some((name) => name in policy);
    if (limit === undefined || isTwice) {
      throw new StreamError(
        { code: "invalid_header" },
        `Stream-Retention ${quote(value)} has ${quote(part.trim())}${
          isTwice ? " twice" : ""
        }: expected ${RETENTION_FORM}.`,
      );
    }
    policy = { ...policy, ...limit };
  }
  return policy;
}

function retentionLimit(part: string): RetentionPolicy | undefined {
  if (part === "to-snapshot") return { toSnapshot: true };
  const at = part.indexOf("=");
  const digits = part.slice(at + 1);
  const number = WHOLE_NUMBER.test(digits) ? Number(digits) : NaN;
  if (!Number.isSafeInteger(number)) return undefined;
  switch (part.slice(0, at)) {
    case "age":
      return number <= MAX_RETENTION_SECONDS ? { ageMs: number * 1000 } : undefined;
    case "bytes":
      return { bytes: number };
    case "messages":
      return { messages: number };
    default:
      return undefined;
  }
}

/** The `Stream-Retention` value of a policy; empty for one that keeps everything. */
export function formatRetention({ ageMs, bytes, messages, toSnapshot }: RetentionPolicy): string {
  const parts: string[] = [];
  if (ageMs !== undefined) parts.push(`age=${Math.ceil(ageMs / 1000)}`);
  if (bytes !== undefined) parts.push(`bytes=${bytes}`);
  if (messages !== undefined) parts.push(`messages=${messages}`);
  if (toSnapshot === true) parts.push("to-snapshot");
  return parts.join(", ");
}
