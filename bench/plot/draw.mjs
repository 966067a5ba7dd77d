/// <reference path="./echarts_package.d.ts" />
/** Draws a chart as SVG: `draw.mjs WIDTH HEIGHT`, an ECharts option as JSON on standard input. */
import process from "node:process";
import { text } from "node:stream/consumers";
import { init } from "echarts";

const [width, height] = process.argv.slice(2).map(Number);
const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
chart.setOption(JSON.parse(await text(process.stdin)));
process.stdout.write(chart.renderToSVGString());
chart.dispose();
