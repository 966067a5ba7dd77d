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

/** A chart is drawn in a box of this size, which is then stretched to its place. */
export const PLOT_BOX = { width: 1_000, height: 100 };

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

/** A line as SVG paths in {@link PLOT_BOX}, with gaps where a value isn't known. */
export interface LinePaths {
  readonly line: string;
  /** What is below the line, down to zero. */
  readonly area: string;
  /** Points that stand alone, which are no line. */
  readonly dots: string;
}

/** The paths of a line with these values. */
export function linePaths(
  t: readonly number[],
  values: readonly (number | null)[],
  scale: PlotScale,
): LinePaths {
  const parts: string[][] = [];
  let isDrawing = false;
  for (const [index, ms] of t.entries()) {
    const value = values[index];
    const isShown = value !== null && value !== undefined && ms >= scale.fromMs;
    if (isShown) {
      const x = round(xOf(ms, scale) * PLOT_BOX.width);
      const y = round((1 - value / scale.top) * PLOT_BOX.height);
      if (!isDrawing) parts.push([]);
      parts.at(-1)?.push(`${x} ${y}`);
    }
    isDrawing = isShown;
  }
  return {
    line: parts.filter(({ length }) => length > 1).map((points) => `M${points.join("L")}`).join(""),
    dots: parts.filter(({ length }) => length === 1).map((points) => `M${points}h0`).join(""),
    area: parts.map((points) => {
      const [first = ""] = points;
      return `M${points.join("L")}V${PLOT_BOX.height}H${first.split(" ")[0]}Z`;
    }).join(""),
  };
}

/** The index of the point that is nearest to a place on the chart, which is from 0 to 1. */
export function nearestIndex(t: readonly number[], x: number, scale: PlotScale): number {
  const ms = scale.fromMs + x * (scale.toMs - scale.fromMs);
  let nearest = 0;
  for (const [index, time] of t.entries()) {
    if (Math.abs(time - ms) < Math.abs((t[nearest] ?? Infinity) - ms)) nearest = index;
  }
  return nearest;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
