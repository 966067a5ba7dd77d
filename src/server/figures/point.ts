import { type Counts, observations, quantile, since } from "./counts.ts";

/** What is drawn over time, in the order in which rings keep it. */
export const SERIES = [
  /** Appends and closes a second. */
  "appends",
  /** Bytes a second that streams have grown by. */
  "bytes",
  "syncP50Ms",
  "syncP99Ms",
  "readers",
  "connections",
  "logBytes",
  "memoryBytes",
  /** The mean of the checkpoints that ended. */
  "checkpointMs",
  /** Responses with an error a second. */
  "errors",
  /** Those of them that were 5xx. */
  "failures",
] as const;

/** One of {@link SERIES}. */
export type Series = (typeof SERIES)[number];

/** What was so at a time and since the point before; null where that isn't known, or nothing happened. */
export interface Point {
  /** Its end, in ms since 1970. */
  readonly t: number;
  readonly values: Readonly<Record<Series, number | null>>;
}

/** What two counts come to, of which the second is later. */
export function pointBetween(before: Counts, now: Counts): Point {
  const seconds = Math.max(now.atMs - before.atMs, 1) / 1000;
  const rate = (one: number | undefined, other: number | undefined) =>
    one === undefined || other === undefined ? null : round(Math.max(other - one, 0) / seconds);
  const syncs = histogramSince(before.syncSeconds, now.syncSeconds);
  const checkpoints = histogramSince(before.checkpointSeconds, now.checkpointSeconds);
  const ended = checkpoints === undefined ? 0 : observations(checkpoints);
  return {
    t: now.atMs,
    values: {
      appends: rate(before.appends, now.appends),
      bytes: rate(before.appendedBytes, now.appendedBytes),
      syncP50Ms: inMs(syncs && quantile(syncs, 0.5)),
      syncP99Ms: inMs(syncs && quantile(syncs, 0.99)),
      readers: now.readers,
      connections: now.connections ?? null,
      logBytes: now.logBytes ?? null,
      memoryBytes: now.memoryBytes,
      checkpointMs: inMs(checkpoints && ended > 0 ? checkpoints.sum / ended : undefined),
      errors: rate(before.errors, now.errors),
      failures: rate(before.failures, now.failures),
    },
  };
}

function histogramSince(before: Counts["syncSeconds"], now: Counts["syncSeconds"]) {
  return before === undefined || now === undefined ? undefined : since(now, before);
}

function inMs(seconds: number | undefined): number | null {
  return seconds === undefined ? null : round(seconds * 1000);
}

/** To be short in JSON: nobody sees more on a chart. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
