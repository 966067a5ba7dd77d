import type { Report } from "./report.ts";
import { median, type Spread } from "./stats.ts";
import type { Row, Table } from "./summary.ts";

const WIDTH = 1200;
const TOP = 70;
const BAR_HEIGHT = 18;
const CASE_GAP = 56;
const NAME_WIDTH = 150;
const PANEL_GAP = 30;
const RIGHT = 30;
const FONT_SIZE = 11;
/** How many times the middle server's value a panel shows at most. */
const OUTLIER = 4;

/** Bars are coloured by what kind of server they are of. */
const COLOURS: readonly (readonly [string, string])[] = [
  ["ours-bun", "#1b6ca8"],
  ["ours-deno", "#5aa7dc"],
  ["ceiling", "#9aa5b1"],
  ["bare", "#c9d0d6"],
  ["native", "#d9822b"],
  ["reference", "#7d5ba6"],
];
const OTHER_COLOUR = "#4f8a5b";

/** A drawing and its size in pixels. */
export interface Chart {
  readonly width: number;
  readonly height: number;
  /** What ECharts is told. */
  readonly option: unknown;
}

interface Panel {
  readonly title: (table: Table) => string;
  readonly value: (row: Row) => Spread | undefined;
  /** Where a line shows what the others are set against. */
  readonly reference: number | undefined;
}

const CPU: Panel = {
  title: (table) => `CPU µs/${table.unit}`,
  value: (row) => row.cpuMicrosPerUnit,
  reference: undefined,
};

const PANELS: readonly Panel[] = [
  { title: () => "rate, of its ceiling's", value: (row) => row.ofCeiling, reference: 1 },
  { title: () => "rate, of the native server's", value: (row) => row.ofNative, reference: 1 },
  CPU,
];

const PACED_PANELS: readonly Panel[] = [
  { title: () => "CPU time, of its ceiling's", value: (row) => row.cpuOfCeiling, reference: 1 },
  { title: () => "p99, of the native server's", value: (row) => row.p99OfNative, reference: 1 },
  CPU,
];

/**
 * A row of bar charts for each case: the rate (where it is given: CPU time and p99) as a ratio to the
 * ceiling and to the native server, and CPU time a unit. A bar is the median over the rounds, the thin line on it reaches from the least to the most.
 */
export function chartOf(report: Report): Chart {
  const titles: unknown[] = [{
    text: `Bench of ${report.startedAt.slice(0, 16).replace("T", " ")} UTC`,
    subtext: `${report.machine.cores} × ${report.machine.cpu}, ${report.run.roundsDone} rounds; ` +
      "bars: median, lines: least to most",
    left: 10,
    top: 8,
  }];
  const grids: unknown[] = [];
  const xAxes: unknown[] = [];
  const yAxes: unknown[] = [];
  const series: unknown[] = [];
  const panelWidth = (WIDTH - NAME_WIDTH - RIGHT - PANEL_GAP * (PANELS.length - 1)) / PANELS.length;
  let top = TOP;
  for (const table of report.tables) {
    titles.push({ text: table.title, left: 10, top, textStyle: { fontSize: 13 } });
    const height = table.rows.length * BAR_HEIGHT;
    (table.paced ? PACED_PANELS : PANELS).forEach((panel, column) => {
      const index = grids.length;
      const left = NAME_WIDTH + column * (panelWidth + PANEL_GAP);
      titles.push({
        text: panel.title(table),
        left,
        top: top + 20,
        textStyle: { fontSize: FONT_SIZE, fontWeight: "normal" },
      });
      grids.push({ left, top: top + 38, width: panelWidth, height });
      const limit = axisLimit(panel, table.rows);
      xAxes.push({
        type: "value",
        gridIndex: index,
        min: 0,
        max: limit,
        axisLabel: { fontSize: FONT_SIZE, hideOverlap: true, showMaxLabel: false },
      });
      yAxes.push({
        type: "category",
        gridIndex: index,
        inverse: true,
        data: table.rows.map((row) => row.server),
        axisTick: { show: false },
        axisLabel: { show: column === 0, interval: 0, fontSize: FONT_SIZE },
      });
      series.push(bars(panel, table.rows, index, limit));
    });
    top += height + CASE_GAP + 20;
  }
  return {
    width: WIDTH,
    height: top + 10,
    option: {
      animation: false,
      backgroundColor: "#ffffff",
      title: titles,
      grid: grids,
      xAxis: xAxes,
      yAxis: yAxes,
      series,
    },
  };
}

function bars(panel: Panel, rows: readonly Row[], index: number, limit: number): unknown {
  return {
    type: "bar",
    xAxisIndex: index,
    yAxisIndex: index,
    barWidth: "70%",
    data: rows.map((row) => ({
      value: clipped(panel.value(row)?.median, limit),
      itemStyle: { color: colourOf(row.server) },
      label: {
        show: panel.value(row) !== undefined,
        position: "insideLeft",
        formatter: numberText(panel.value(row)?.median ?? 0),
        color: "#111111",
        fontSize: FONT_SIZE - 1,
      },
    })),
    markLine: {
      silent: true,
      symbol: "none",
      label: { show: false },
      lineStyle: { type: "solid", color: "#333333", width: 1.5 },
      data: [
        ...rows.flatMap((row) => {
          const spread = panel.value(row);
          if (spread === undefined || spread.min === spread.max || spread.min > limit) return [];
          const end = Math.min(spread.max, limit);
          return [[{ coord: [spread.min, row.server] }, { coord: [end, row.server] }]];
        }),
        ...(panel.reference === undefined ? [] : [{
          xAxis: panel.reference,
          lineStyle: { type: "dashed", color: "#999999", width: 1 },
        }]),
      ],
    },
  };
}

/** Where a panel ends: one server that is far off must not make the others' bars too short to compare. */
function axisLimit(panel: Panel, rows: readonly Row[]): number {
  const spreads = rows.flatMap((row) => panel.value(row) ?? []);
  const middle = median(spreads.map((spread) => spread.median));
  const most = Math.max(panel.reference ?? 0, ...spreads.map((spread) => spread.max));
  const limit = Number.isNaN(middle) ? most : Math.min(most, middle * OUTLIER);
  return Math.max(limit, panel.reference ?? 0) * 1.05 || 1;
}

function clipped(value: number | undefined, limit: number): number | null {
  return value === undefined ? null : Math.min(value, limit);
}

function colourOf(server: string): string {
  return COLOURS.find(([prefix]) => server.startsWith(prefix))?.[1] ?? OTHER_COLOUR;
}

function numberText(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
