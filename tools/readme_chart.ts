/**
 * Draws README's chart from a result of the bench: of its many workloads the two that say most.
 *
 * Usage: deno run -A tools/readme_chart.ts bench/results/DATE/RESULT.json >docs/chart.svg
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { drawPlot } from "../bench/report/plot.ts";
import type { Report } from "../bench/report/report.ts";

const TITLES = ["append 256 B, 64 connections, 1 stream", "catch-up, bytes, 64 MiB, 8 clients"];

const report: Report = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const tables = report.tables.filter(({ title }) => TITLES.includes(title));
process.stdout.write(await drawPlot({ ...report, tables }));
