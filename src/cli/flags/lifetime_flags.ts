import { parseTime } from "../../protocol/time.ts";
import { BadValue, durationFlag, type Flag, optionalFlag, textFlag } from "./flag.ts";
import type { FlagValues } from "./flag_values.ts";
import { UsageError } from "./usage_error.ts";

const HOUR_MS = 3_600_000;

/** The flags for the lifetime of a new stream. */
export const lifetimeFlags = {
  ttlMs: optionalFlag(wholeSeconds(durationFlag({
    name: "ttl",
    min: 1_000,
    max: 87_600 * HOUR_MS,
    default: 1_000,
    help: "The stream expires after this long without reads or writes; in whole seconds.",
    commandLineOnly: true,
  }))),
  expiresAt: optionalFlag(textFlag({
    name: "expires-at",
    placeholder: "time",
    default: "",
    help: "When the stream expires.",
    accepts: "an RFC 3339 time such as 2030-01-31T12:00:00Z",
    check: (text) => parseTime(text) !== undefined,
    commandLineOnly: true,
  })),
};

/**
 * The lifetime that the flags give a new stream.
 *
 * @throws {UsageError} if both are given
 */
export function lifetimeOptions(values: FlagValues): { ttlSeconds?: number; expiresAt?: string } {
  const ttlMs = values.get(lifetimeFlags.ttlMs);
  const expiresAt = values.get(lifetimeFlags.expiresAt);
  if (ttlMs !== undefined && expiresAt !== undefined) {
    throw new UsageError("--ttl and --expires-at both say when the stream expires; accepted: one");
  }
  if (ttlMs !== undefined) return { ttlSeconds: ttlMs / 1_000 };
  return expiresAt === undefined ? {} : { expiresAt };
}

function wholeSeconds(flag: Flag<number>): Flag<number> {
  return {
    ...flag,
    parse(text) {
      const ms = flag.parse(text);
      if (ms % 1_000 !== 0) throw new BadValue();
      return ms;
    },
  };
}
