import { useSignal } from "@preact/signals";
import { StoredText } from "../../ui/text.tsx";
import { ChartPlot } from "./chart_plot.tsx";
import { type PlotData, type PlotLine, scaleOf, type StepKind } from "./plot.ts";
import { largest, newest } from "./window.ts";

/** A figure over time, with what it is now, or was where the pointer is. */
export function Chart({ title, data, format, steps = "decimal", spanMs }: {
  readonly title: string;
  readonly data: PlotData;
  readonly format: (value: number) => string;
  readonly steps?: StepKind | undefined;
  /** How much of the past is shown, in ms. */
  readonly spanMs: number;
}) {
  const pointed = useSignal<number | undefined>(undefined);
  const index = pointed.value;
  return (
    <figure class="chart" aria-label={title}>
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="chart-legend">
          {data.lines.map((line) => (
            <span key={line.label} class="chart-value">
              {data.lines.length > 1 && (
                <span class="chart-key" data-color={line.color}>
                  <StoredText text={line.label} />
                </span>
              )}
              <span class="number">{valueText(line, index, format)}</span>
            </span>
          ))}
        </span>
      </figcaption>
      <div role="img" aria-label={summary(title, data, format)}>
        <ChartPlot
          data={data}
          scale={scaleOf(data, spanMs, steps)}
          format={format}
          pointed={index}
          onPoint={(at) => pointed.value = at}
        />
      </div>
    </figure>
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

function summary(title: string, { lines }: PlotData, format: (value: number) => string): string {
  const parts = lines.map(({ label, values }) => {
    const [now, most] = [newest(values), largest(values)];
    if (now === undefined || most === undefined) return `${label}: not known`;
    return `${label}: ${format(now)} now, ${format(most)} at most`;
  });
  return `${title}. ${parts.join("; ")}.`;
}
