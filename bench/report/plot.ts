import { installPackages } from "../system/install.ts";
import { type Chart, chartOf } from "./chart.ts";
import type { Report } from "./report.ts";

const BENCH = new URL("..", import.meta.url).pathname;
const LIMIT_MILLIS = 60_000;

/**
 * The report's plot as SVG, drawn by ECharts in a process of its own.
 *
 * @throws {Error} where the bench's packages can't be installed or nothing was drawn
 */
export async function drawPlot(report: Report): Promise<string> {
  await installPackages();
  const chart: Chart = chartOf(report);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "plot/draw.mjs", String(chart.width), String(chart.height)],
    cwd: BENCH,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(LIMIT_MILLIS),
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(chart.option)));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout) + "\n";
  throw new Error(`the plot was not drawn: ${decoder.decode(stderr).trim().slice(-300)}`);
}
