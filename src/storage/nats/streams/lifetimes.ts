import type { NatsStream } from "./nats_stream.ts";

/** A use is recorded where the recorded one is older than this part of the TTL. */
const RECORDED_PART = 1 / 16;

/** How old the recorded use of a stream may be, in ms; only of one whose TTL slides. */
export function accessSlackMs({ lifetime }: NatsStream): number {
  return lifetime.kind === "ttl" ? lifetime.ttlSeconds * 1000 * RECORDED_PART : 0;
}

/**
 * When a stream ends unless it is used again, as far as this front end may say so: another one that
 * recorded the newest use may know of later ones that aren't recorded.
 */
export function endMs(stream: NatsStream, frontEnd: number): number {
  const { lifetime, accessedAtMs, recordedAccessMs, accessedBy } = stream;
  if (lifetime.kind === "until") return lifetime.expiresAtMs;
  if (lifetime.kind === "forever") return Infinity;
  const isOthers = accessedBy !== 0 && accessedBy !== frontEnd;
  const knownMs = isOthers
    ? Math.max(accessedAtMs, recordedAccessMs + accessSlackMs(stream))
    : accessedAtMs;
  return knownMs + lifetime.ttlSeconds * 1000;
}
