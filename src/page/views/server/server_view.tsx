import { hello } from "../../state/feed.ts";
import { may } from "../../state/rights.ts";
import { replaceRoute, type ServerRoute } from "../../state/route.ts";
import { Empty } from "../../ui/empty.tsx";
import { Chart } from "./chart.tsx";
import { chartData, SERVER_CHARTS, type ServerChart } from "./charts.ts";
import { ComparePanel } from "./compare_panel.tsx";
import { figures } from "./figures.ts";
import { HealthPanel } from "./health_panel.tsx";

const RANGES: readonly (readonly [range: ServerRoute["range"], label: string])[] = [
  [undefined, "5 minutes"],
  ["day", "24 hours"],
];

/** How the server does. */
export function ServerView({ at }: { readonly at: ServerRoute }) {
  if (hello.value !== undefined && !may("admin")) {
    return (
      <div class="page">
        <h1>Server</h1>
        <Empty title="Not with this token">
          <p>
            What the server measures needs a token with <code>admin **</code>.
          </p>
        </Empty>
      </div>
    );
  }
  // Until the server has said what it has, there is room for all.
  const hasLog = (hello.value?.storage ?? "file") === "file";
  return (
    <div class="page">
      <div class="view-head">
        <h1>Server</h1>
        <div class="segments" role="group" aria-label="How much of the past">
          {RANGES.map(([range, label]) => (
            <button
              key={label}
              type="button"
              aria-pressed={at.range === range}
              onClick={() => replaceRoute(withRange(at, range))}
            >
              {label}
            </button>
          ))}
        </div>
      </div>
      <HealthPanel />
      <div class="charts">
        {SERVER_CHARTS.filter(({ isOfLog }) => hasLog || isOfLog !== true).map((chart) => (
          <FigureChart key={chart.title} chart={chart} at={at} />
        ))}
      </div>
      <ComparePanel at={at} />
    </div>
  );
}

const MINUTES_MS = 5 * 60_000;
const DAY_MS = 24 * 3_600_000;

/** A chart, or the reason why there is none, in as much room. */
function FigureChart({ chart, at }: { readonly chart: ServerChart; readonly at: ServerRoute }) {
  const isDay = at.range === "day";
  const data = chartData(chart, isDay ? figures.value.day : figures.value.minutes);
  if (data !== undefined) {
    return (
      <Chart
        title={chart.title}
        data={data}
        format={chart.format}
        steps={chart.steps}
        spanMs={isDay ? DAY_MS : MINUTES_MS}
      />
    );
  }
  return (
    <div class="chart">
      <h2 class="chart-title">{chart.title}</h2>
      <p class="chart-none soft">No data in this time.</p>
    </div>
  );
}

function withRange({ compare }: ServerRoute, range: ServerRoute["range"]): ServerRoute {
  return { view: "server", ...(range && { range }), ...(compare && { compare }) };
}
