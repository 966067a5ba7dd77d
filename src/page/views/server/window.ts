import type { FeedHistory, FeedSample, FeedSeries } from "../../api/feed.ts";
import { SERIES_NAMES, type SeriesName } from "../../api/series.ts";

/** Values of one figure; null where nobody knows it. */
type Values = readonly (number | null)[];

const MINUTE_MS = 60_000;

/** How many points each range has: five minutes of seconds, a day of minutes. */
const LIMITS = { minutes: 300, day: 1_440 };

/** What is shown of the server: a point a second, and a point a minute. */
export interface FigureWindow {
  readonly minutes: FeedSeries;
  readonly day: FeedSeries;
}

/** What there is before the server has said anything. */
export const NO_FIGURES: FigureWindow = {
  minutes: { t: [], series: {} },
  day: { t: [], series: {} },
};

/** The window that the server's history is. */
export function windowOf({ minutes, day }: FeedHistory): FigureWindow {
  return { minutes, day };
}

/**
 * The window a second later. The day gets a point once a minute is over since its last one: the mean of
 * that minute's seconds.
 */
export function withSample(window: FigureWindow, sample: FeedSample): FigureWindow {
  const minutes = extended(window.minutes, sample.t, sample.series, LIMITS.minutes);
  const last = window.day.t.at(-1);
  const since = last ?? window.minutes.t[0] ?? sample.t;
  if (sample.t - since < MINUTE_MS) return { ...window, minutes };
  const means = meansSince(minutes, sample.t - MINUTE_MS);
  return { minutes, day: extended(window.day, sample.t, means, LIMITS.day) };
}

function extended(
  { t, series }: FeedSeries,
  at: number,
  point: FeedSample["series"],
  limit: number,
): FeedSeries {
  const cut = Math.max(0, t.length + 1 - limit);
  const names = new Set([...namesOf(series), ...namesOf(point)]);
  const next: Partial<Record<SeriesName, Values>> = {};
  for (const name of names) {
    const before = series[name] ?? t.map(() => null);
    next[name] = [...before.slice(cut), point[name] ?? null];
  }
  return { t: [...t.slice(cut), at], series: next };
}

function meansSince({ t, series }: FeedSeries, from: number): FeedSample["series"] {
  const start = t.findIndex((time) => time > from);
  const means: Partial<Record<SeriesName, number | null>> = {};
  for (const name of namesOf(series)) {
    const known = (series[name] ?? []).slice(start).filter((value) => value !== null);
    means[name] = known.length === 0
      ? null
      : known.reduce((sum, value) => sum + value, 0) / known.length;
  }
  return means;
}

function namesOf(series: Readonly<Partial<Record<SeriesName, unknown>>>): SeriesName[] {
  return SERIES_NAMES.filter((name) => series[name] !== undefined);
}

/** The newest value that is known; undefined where none is. */
export function newest(values: Values | undefined): number | undefined {
  return values?.findLast((value) => value !== null) ?? undefined;
}

/** The largest value that is known; undefined where none is. */
export function largest(values: Values | undefined): number | undefined {
  const known = (values ?? []).filter((value) => value !== null);
  return known.length === 0 ? undefined : known.reduce((a, b) => Math.max(a, b));
}
