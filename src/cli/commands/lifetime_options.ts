import type { FlagValues } from "../flags/flag_values.ts";
import { UsageError } from "../flags/usage_error.ts";
import { lifetimeFlags } from "../flags/common_flags.ts";

/**
 * How long a new stream lives, as the flags say.
 *
 * @throws {UsageError} where both say something
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
