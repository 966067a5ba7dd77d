import { useSignal } from "@preact/signals";
import type uPlot from "uplot";
import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../../api/request.ts";
import { StoredText } from "../../ui/text.tsx";
import { loadPlot, type PlotLibrary } from "./load_plot.ts";
import { aligned, type PlotData, plotIn, type PlotLine } from "./plot.ts";
import { largest, newest } from "./window.ts";

/** A figure over time, with what it is now. */
export function Chart({ title, data, format, steps, spanMs }: {
  readonly title: string;
  readonly data: PlotData;
  readonly format: (value: number) => string;
  readonly steps?: readonly number[] | undefined;
  /** How much of the past is shown, in ms. */
  readonly spanMs: number;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [library, setLibrary] = useState<PlotLibrary | undefined>(() => globalThis.chartLibrary);
  const [problem, setProblem] = useState("");
  const pointed = useSignal<number | undefined>(undefined);
  const latest = useRef(data);
  latest.current = data;
  const shape = data.lines.map(({ label }) => label).join("\n");
  useEffect(() => {
    loadPlot().then(
      (library) => setLibrary(() => library),
      (error) => setProblem(messageOf(error)),
    );
  }, []);
  useEffect(() => {
    const element = place.current;
    if (element === null || library === undefined) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = plotIn(library, element, latest.current, {
        format,
        steps,
        spanMs,
        onPoint: (index) => pointed.value = index,
      });
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const resized = new ResizeObserver(() => {
      const chart = plot.current;
      if (chart === undefined || chart.width === element.clientWidth) return;
      chart.setSize({ width: Math.max(160, element.clientWidth), height: chart.height });
    });
    draw();
    scheme.addEventListener("change", draw);
    resized.observe(element);
    return () => {
      scheme.removeEventListener("change", draw);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [library, shape, spanMs]);
  useEffect(() => plot.current?.setData(aligned(data)), [data]);
  const index = pointed.value;
  return (
    <figure class="chart" aria-label={title}>
      <figcaption>
        <span class="chart-title">{title}</span>
        <Legend lines={data.lines} index={index} format={format} />
      </figcaption>
      <div ref={place} class="chart-plot" role="img" aria-label={summary(title, data, format)} />
      {problem !== "" && <p class="problem">{problem}</p>}
      <time class="chart-time">{index !== undefined && timeText(data.t[index])}</time>
    </figure>
  );
}

function Legend({ lines, index, format }: {
  readonly lines: readonly PlotLine[];
  readonly index: number | undefined;
  readonly format: (value: number) => string;
}) {
  return (
    <span class="chart-legend">
      {lines.map((line) => (
        <span key={line.label} class="chart-value">
          {lines.length > 1 && (
            <span class="chart-key" data-color={line.color}>
              <StoredText text={line.label} />
            </span>
          )}
          <span class="number">{valueText(line, index, format)}</span>
        </span>
      ))}
    </span>
  );
}

function valueText(
  { values }: PlotLine,
  index: number | undefined,
  format: (value: number) => string,
): string {
  const value = index === undefined ? newest(values) : values[index] ?? undefined;
  return value === undefined ? "–" : format(value);
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? "" : new Date(ms).toLocaleTimeString("en-GB");
}

function summary(title: string, { lines }: PlotData, format: (value: number) => string): string {
  const parts = lines.map(({ label, values }) => {
    const [now, most] = [newest(values), largest(values)];
    if (now === undefined || most === undefined) return `${label}: not known`;
    return `${label}: ${format(now)} now, ${format(most)} at most`;
  });
  return `${title}. ${parts.join("; ")}.`;
}
