/** PROTOCOL §10.1: intervals are counted from here. */
const CURSOR_EPOCH_MS = Date.UTC(2024, 9, 9);
const CURSOR_INTERVAL_MS = 20_000;
const MAX_JITTER_SECONDS = 3600;

const CURSOR = /^[0-9]{1,15}$/;

/**
 * The cursor of a live response (PROTOCOL §10.1): the number of the current interval, so that clients
 * that wait for the same data request the same URL; and after the client's own where that has been
 * reached, so that a cached response is never requested twice.
 *
 * @param echoed the request's `cursor`; anything but a number counts as none
 * @param random between 0 and 1, for the jitter
 */
export function nextCursor(
  echoed: string | null,
  nowMs: number,
  random: () => number = Math.random,
): number {
  const current = Math.max(0, Math.floor((nowMs - CURSOR_EPOCH_MS) / CURSOR_INTERVAL_MS));
  if (echoed === null || !CURSOR.test(echoed)) return current;
  const client = Number(echoed);
  if (client < current) return current;
  const jitterSeconds = 1 + Math.floor(random() * MAX_JITTER_SECONDS);
  return client + Math.max(1, Math.round((jitterSeconds * 1000) / CURSOR_INTERVAL_MS));
}
