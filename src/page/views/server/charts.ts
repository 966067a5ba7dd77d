import type { FeedSeries } from "../../api/feed.ts";
import type { SeriesName } from "../../api/series.ts";
import { formatBytes, formatCount } from "../../ui/figures.ts";
import type { PlotData, StepKind } from "./plot.ts";

/** A chart of the server's figures. */
export interface ServerChart {
  readonly title: string;
  readonly format: (value: number) => string;
  /** The scale's steps, where those of ten aren't right. */
  readonly steps?: StepKind;
  readonly lines: readonly (readonly [name: SeriesName, label: string])[];
  /** Only a storage that keeps a log on this machine knows of it. */
  readonly isOfLog?: boolean;
}

/** All of them, the most asked for first. */
export const SERVER_CHARTS: readonly ServerChart[] = [
  { title: "Appends per second", format: formatRate, lines: [["appends", "Appends"]] },
  {
    title: "Bytes appended per second",
    format: formatBytes,
    steps: "binary",
    lines: [["bytes", "Bytes"]],
  },
  {
    title: "Sync latency",
    format: formatMs,
    lines: [["syncP50Ms", "median"], ["syncP99Ms", "99 %"]],
    isOfLog: true,
  },
  {
    title: "Readers and connections",
    format: formatRate,
    lines: [["readers", "readers"], ["connections", "connections"]],
  },
  { title: "Memory", format: formatBytes, steps: "binary", lines: [["memoryBytes", "Memory"]] },
  {
    title: "Log size",
    format: formatBytes,
    steps: "binary",
    lines: [["logBytes", "Log"]],
    isOfLog: true,
  },
  {
    title: "Checkpoint",
    format: formatMs,
    lines: [["checkpointMs", "Checkpoint"]],
    isOfLog: true,
  },
  {
    title: "Errors per second",
    format: formatRate,
    lines: [["errors", "all"], ["failures", "5xx"]],
  },
];

/** What a chart shows of these figures; undefined where the server knows none of them. */
export function chartData(chart: ServerChart, { t, series }: FeedSeries): PlotData | undefined {
  const known = chart.lines.filter(([name]) => series[name]?.some((value) => value !== null));
  if (known.length === 0) return undefined;
  return {
    t,
    lines: known.map(([name, label]) => ({
      label,
      color: chart.lines[0]?.[0] === name ? 1 : 2,
      values: series[name] ?? [],
    })),
  };
}

function formatRate(value: number): string {
  return Number.isInteger(value) || value >= 100
    ? formatCount(Math.round(value))
    : value.toFixed(1);
}

/** Milliseconds for people: `0.4 ms`, `1.2 s`. */
export function formatMs(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms >= 10 || Number.isInteger(ms)
    ? `${Math.round(ms)} ms`
    : `${ms.toFixed(ms < 1 ? 2 : 1)} ms`;
}
