import { quote, StreamError } from "./errors.ts";
import { parseTime } from "./time.ts";

/** How long a stream lives: for ever, while it is used (sliding), or up to a moment (PROTOCOL §5.1). */
export type Lifetime =
  | { kind: "forever" }
  | { kind: "ttl"; ttlSeconds: number }
  | { kind: "until"; expiresAtMs: number };

/** A stream that stays until it is deleted. */
export const FOREVER: Lifetime = { kind: "forever" };

const TTL = /^(?:0|[1-9][0-9]*)$/;
const MAX_TTL_SECONDS = 10 * 365 * 24 * 3600 * 10;

/**
 * The lifetime that a create asks for, `undefined` where it names none.
 *
 * @throws {StreamError} `invalid_header` for a bad value, or where both are given
 */
export function parseLifetime(ttl: string | null, expiresAt: string | null): Lifetime | undefined {
  if (ttl !== null && expiresAt !== null) {
    throw new StreamError(
      { code: "invalid_header" },
      "Stream-TTL and Stream-Expires-At are both given: a stream has one or the other.",
    );
  }
  if (ttl !== null) return { kind: "ttl", ttlSeconds: parseTtlSeconds(ttl) };
  if (expiresAt !== null) return { kind: "until", expiresAtMs: parseExpiresAt(expiresAt) };
  return undefined;
}

function parseTtlSeconds(value: string): number {
  const seconds = TTL.test(value) ? Number(value) : NaN;
  if (!(seconds <= MAX_TTL_SECONDS)) {
    throw new StreamError(
      { code: "invalid_header" },
      `Stream-TTL ${quote(value)} is not a number of seconds: expected a decimal integer from 0 ` +
        `to ${MAX_TTL_SECONDS} without sign, leading zeros, point or exponent.`,
    );
  }
  return seconds;
}

function parseExpiresAt(value: string): number {
  const ms = parseTime(value);
  if (ms === undefined) {
    throw new StreamError(
      { code: "invalid_header" },
      `Stream-Expires-At ${quote(value)} is not an RFC 3339 time such as 2030-01-31T12:00:00Z.`,
    );
  }
  return ms;
}

/** Whether two lifetimes ask for the same. */
export function sameLifetime(a: Lifetime, b: Lifetime): boolean {
  if (a.kind === "ttl") return b.kind === "ttl" && a.ttlSeconds === b.ttlSeconds;
  if (a.kind === "until") return b.kind === "until" && a.expiresAtMs === b.expiresAtMs;
  return b.kind === "forever";
}

/** When a stream last used at `touchedAtMs` ends, in ms since 1970; `Infinity` for never. */
export function expiryMs(lifetime: Lifetime, touchedAtMs: number): number {
  if (lifetime.kind === "ttl") return touchedAtMs + lifetime.ttlSeconds * 1000;
  if (lifetime.kind === "until") return lifetime.expiresAtMs;
  return Infinity;
}
