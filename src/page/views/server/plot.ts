/** One line of a chart. */
export interface PlotLine {
  readonly label: string;
  /** Which of the chart's colours it has. */
  readonly color: 1 | 2;
  readonly values: readonly (number | null)[];
}

/** What a chart shows. */
export interface PlotData {
  /** Milliseconds since 1970, ascending. */
  readonly t: readonly number[];
  readonly lines: readonly PlotLine[];
}

/** The part of the plane that a chart shows: from zero up to `top`. */
export interface PlotScale {
  readonly fromMs: number;
  readonly toMs: number;
  readonly top: number;
  /** Values that have a line across, zero first. */
  readonly ticks: readonly number[];
  /** Times that have a label. */
  readonly times: readonly number[];
}

/** What steps a scale has: 1, 2 and 5 by powers of ten, or powers of two as for bytes. */
export type StepKind = "decimal" | "binary";

const MINUTE_MS = 60_000;
const TIME_STEPS_MS: readonly number[] = [
  5_000,
  15_000,
  30_000,
  MINUTE_MS,
  2 * MINUTE_MS,
  5 * MINUTE_MS,
  60 * MINUTE_MS,
  360 * MINUTE_MS,
];
/** As many times as have room beside each other on the narrowest chart. */
const TIMES_LIMIT = 4;
const TICKS_WANTED = 3;

/** The scale of these lines, over the last `spanMs` up to the newest point. */
export function scaleOf({ t, lines }: PlotData, spanMs: number, kind: StepKind): PlotScale {
  const toMs = t.at(-1) ?? 0;
  const fromMs = toMs - spanMs;
  let most = 0;
  for (const { values } of lines) {
    for (const value of values) most = Math.max(most, value ?? 0);
  }
  const step = stepFor(most === 0 ? 1 : most, kind);
  const count = Math.max(1, Math.ceil(most / step));
  return {
    fromMs,
    toMs,
    top: step * count,
    ticks: Array.from({ length: count + 1 }, (_, n) => n * step),
    times: timesBetween(fromMs, toMs),
  };
}

function stepFor(most: number, kind: StepKind): number {
  const least = most / TICKS_WANTED;
  if (kind === "binary") return 2 ** Math.max(0, Math.ceil(Math.log2(least)));
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}

function timesBetween(fromMs: number, toMs: number): number[] {
  const stepMs = TIME_STEPS_MS.find((step) => (toMs - fromMs) / step <= TIMES_LIMIT + 1) ??
    360 * MINUTE_MS;
  // In the reader's zone, so that six hours are 06:00 and not what they are in UTC.
  const zoneMs = new Date(toMs).getTimezoneOffset() * MINUTE_MS;
  const first = Math.ceil((fromMs - zoneMs) / stepMs) * stepMs + zoneMs;
  const times: number[] = [];
  for (let time = first; time <= toMs; time += stepMs) times.push(time);
  return times;
}

/** How far to the right a time is, from 0 to 1. */
export function xOf(ms: number, { fromMs, toMs }: PlotScale): number {
  return toMs === fromMs ? 1 : (ms - fromMs) / (toMs - fromMs);
}

/** The indexes of values that stand alone between such as aren't known: they are no part of a line. */
export function loneIndexes(values: readonly (number | null)[]): number[] {
  const isKnown = (index: number) => typeof values[index] === "number";
  return values.flatMap((_, index) =>
    isKnown(index) && !isKnown(index - 1) && !isKnown(index + 1) ? [index] : []
  );
}
