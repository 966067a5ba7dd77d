import { linePaths, nearestIndex, PLOT_BOX, type PlotData, type PlotScale, xOf } from "./plot.ts";

const { width, height } = PLOT_BOX;
const MARGIN = 0.07;

/** Lines over a grid, and labels at its sides. What it says is said by its parent's label. */
export function ChartPlot({ data, scale, format, pointed, onPoint }: {
  readonly data: PlotData;
  readonly scale: PlotScale;
  readonly format: (value: number) => string;
  /** The index of the point that the pointer is at. */
  readonly pointed: number | undefined;
  readonly onPoint: (index: number | undefined) => void;
}) {
  const { t, lines } = data;
  const pointedMs = pointed === undefined ? undefined : t[pointed];
  return (
    <div class="plot" aria-hidden="true">
      <div
        class="plot-area"
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          onPoint(nearestIndex(t, (event.clientX - box.left) / box.width, scale));
        }}
        onPointerLeave={() => onPoint(undefined)}
      >
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none">
          {scale.ticks.map((tick) => {
            const y = (1 - tick / scale.top) * height;
            return <path key={tick} class="plot-grid" d={`M0 ${y}H${width}`} />;
          })}
          {lines.map(({ label, color, values }) => {
            const { line, area, dots } = linePaths(t, values, scale);
            return (
              <g key={label} data-color={color}>
                {color === 1 && <path class="plot-fill" d={area} />}
                <path class="plot-line" d={line} />
                <path class="plot-line dots" d={dots} />
              </g>
            );
          })}
          {pointedMs !== undefined && (
            <path class="plot-cursor" d={`M${xOf(pointedMs, scale) * width} 0V${height}`} />
          )}
        </svg>
      </div>
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
