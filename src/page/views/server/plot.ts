import type uPlot from "uplot";
import type { PlotLibrary } from "./load_plot.ts";

/** One line of a chart. */
export interface PlotLine {
  readonly label: string;
  /** Which of the chart's colours it has, from 1 on. */
  readonly color: 1 | 2;
  readonly values: readonly (number | null)[];
}

/** What a chart shows. */
export interface PlotData {
  /** Milliseconds since 1970, ascending. */
  readonly t: readonly number[];
  readonly lines: readonly PlotLine[];
}

/** How a chart is drawn. */
export interface PlotOptions {
  readonly format: (value: number) => string;
  /** Steps that the scale may have, where those of ten aren't right. */
  readonly steps?: readonly number[] | undefined;
  /** How much of the past is shown, in ms, however little of it is known. */
  readonly spanMs: number;
  /** Told of the point that the pointer is at; undefined once it has left. */
  readonly onPoint: (index: number | undefined) => void;
}

/** A chart's height, in CSS pixels. */
export const PLOT_HEIGHT = 128;
const AXIS_WIDTH = 58;
const AXIS_HEIGHT = 24;
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** A chart in an element, in the colours of the page as they are now. */
export function plotIn(
  library: PlotLibrary,
  element: HTMLElement,
  data: PlotData,
  options: PlotOptions,
): uPlot {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color("--text-soft"),
    font: FONT,
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  return new library(
    {
      width: Math.max(160, element.clientWidth),
      height: PLOT_HEIGHT,
      ms: 1,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      padding: [6, 10, 0, 0],
      scales: { x: { time: true, range: rangeUpTo(options.spanMs) }, y: { range: rangeFromZero } },
      series: [
        {},
        ...data.lines.map((line) => ({
          label: line.label,
          stroke: color(`--chart-${line.color}`),
          width: 1.5,
          points: { show: false },
          ...(line.color === 1 && { fill: color("--chart-fill") }),
        })),
      ],
      axes: [
        { ...axis, size: AXIS_HEIGHT, space: 70, values: clockTimes },
        {
          ...axis,
          size: AXIS_WIDTH,
          ...(options.steps && { incrs: [...options.steps] }),
          space: 34,
          values: (_plot: uPlot, ticks: number[]) => ticks.map(options.format),
        },
      ],
      hooks: {
        setCursor: [(plot: uPlot) => options.onPoint(plot.cursor.idx ?? undefined)],
      },
    },
    aligned(data),
    element,
  );
}

/** The data as the chart takes it. */
export function aligned({ t, lines }: PlotData): uPlot.AlignedData {
  return [[...t], ...lines.map(({ values }) => [...values])];
}

/** From zero, so that heights compare; never an empty range. */
function rangeFromZero(_plot: uPlot, _min: number | null, max: number | null): [number, number] {
  return [0, max === null || max <= 0 ? 1 : max * 1.12];
}

/** As long as what is shown, ending with the newest point. */
function rangeUpTo(spanMs: number) {
  return (_plot: uPlot, min: number | null, max: number | null): [number, number] => {
    const end = max ?? Date.now();
    return [Math.min(min ?? end, end - spanMs), end];
  };
}

/** Steps of a scale of bytes: powers of two. */
export const BYTE_STEPS: readonly number[] = Array.from({ length: 50 }, (_, power) => 2 ** power);

const MINUTE_MS = 60_000;

function clockTimes(_plot: uPlot, ticks: number[]): string[] {
  const needsSeconds = ticks.some((tick) => tick % MINUTE_MS !== 0);
  return ticks.map((tick) =>
    new Date(tick).toLocaleTimeString("en-GB", {
      hour: "2-digit",
      minute: "2-digit",
      ...(needsSeconds && { second: "2-digit" }),
    })
  );
}
