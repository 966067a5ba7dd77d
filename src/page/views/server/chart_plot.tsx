import type uPlot from "uplot";
import { useLayoutEffect, useRef } from "preact/hooks";
import { plotter } from "../../api/plotter.ts";
import { loneIndexes, type PlotData, type PlotScale, xOf } from "./plot.ts";

const MARGIN = 0.07;

/** What a plot of uPlot shows: always the newest that its chart has. */
interface Shown {
  data: PlotData;
  scale: PlotScale;
  onPoint(index: number | undefined): void;
}

/** Lines over a grid, and labels at its sides. What it says is said by its parent's label. */
export function ChartPlot({ data, scale, format, pointed, onPoint }: {
  readonly data: PlotData;
  readonly scale: PlotScale;
  readonly format: (value: number) => string;
  /** The index of the point that the pointer is at. */
  readonly pointed: number | undefined;
  readonly onPoint: (index: number | undefined) => void;
}) {
  const box = usePlot({ data, scale, onPoint });
  const pointedMs = pointed === undefined ? undefined : data.t[pointed];
  return (
    <div class="plot" aria-hidden="true">
      <div class="plot-area" ref={box} onPointerLeave={() => onPoint(undefined)} />
      {scale.ticks.map((tick) => (
        <span key={tick} class="plot-tick" style={{ bottom: `${tick / scale.top * 100}%` }}>
          {format(tick)}
        </span>
      ))}
      {pointedMs === undefined
        ? scale.times.filter((time) => hasRoomAt(xOf(time, scale))).map((time) => (
          <TimeLabel key={time} x={xOf(time, scale)} text={clockTime(time)} />
        ))
        : <TimeLabel x={xOf(pointedMs, scale)} text={clockTime(pointedMs, true)} />}
    </div>
  );
}

/** Draws into the element that gets the ref, once there is what draws. */
function usePlot({ data, scale, onPoint }: Shown) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const shown = useRef<Shown>({ data, scale, onPoint });
  shown.current = { data, scale, onPoint };
  const Plot = plotter.value;
  const labels = data.lines.map(({ label }) => label).join("\n");
  useLayoutEffect(() => {
    const element = box.current;
    if (Plot === undefined || element === null) return;
    const made = new Plot(optionsOf(element, shown), columnsOf(shown.current.data), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize(sizeOf(element)));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [Plot, labels]);
  useLayoutEffect(() => plot.current?.setData(columnsOf(data)), [data, scale.fromMs, scale.top]);
  return box;
}

function columnsOf({ t, lines }: PlotData): uPlot.AlignedData {
  return [[...t], ...lines.map(({ values }) => [...values])];
}

function sizeOf({ clientWidth, clientHeight }: HTMLElement) {
  return { width: clientWidth, height: clientHeight };
}

function optionsOf(element: HTMLElement, shown: { readonly current: Shown }): uPlot.Options {
  // Asked for at each drawing: the system's colours may have changed.
  const color = (name: string) => () => getComputedStyle(element).getPropertyValue(name);
  const bare = { size: 0, gap: 0, ticks: { show: false }, values: () => [] };
  return {
    ...sizeOf(element),
    // Half of a line at zero, or at the top, is beyond it.
    padding: [2, 0, 2, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 5 } },
    scales: {
      x: { time: false, range: () => [shown.current.scale.fromMs, shown.current.scale.toMs] },
      y: { range: () => [0, shown.current.scale.top] },
    },
    axes: [
      { ...bare, grid: { show: false } },
      {
        ...bare,
        grid: { stroke: color("--chart-grid"), width: 1 },
        splits: () => [...shown.current.scale.ticks],
      },
    ],
    series: [
      {},
      ...shown.current.data.lines.map(({ label, color: kind }, index): uPlot.Series => ({
        label,
        stroke: color(`--chart-${kind}`),
        width: 1.5,
        ...(kind === 1 && { fill: color("--chart-fill") }),
        points: {
          size: 4,
          fill: color(`--chart-${kind}`),
          show: true,
          filter: () => loneIndexes(shown.current.data.lines[index]?.values ?? []),
        },
      })),
    ],
    hooks: {
      setCursor: [({ cursor }) => {
        const isInside = (cursor.left ?? -1) >= 0;
        shown.current.onPoint(isInside ? cursor.idx ?? undefined : undefined);
      }],
    },
  };
}

/** Whether a label there doesn't reach over the chart's ends. */
function hasRoomAt(x: number): boolean {
  return x >= MARGIN && x <= 1 - MARGIN;
}

function TimeLabel({ x, text }: { readonly x: number; readonly text: string }) {
  const shown = Math.min(1 - MARGIN, Math.max(MARGIN, x));
  return <span class="plot-time" style={{ left: `${shown * 100}%` }}>{text}</span>;
}

const MINUTE_MS = 60_000;

function clockTime(ms: number, isExact = false): string {
  return new Date(ms).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...((isExact || ms % MINUTE_MS !== 0) && { second: "2-digit" }),
  });
}
