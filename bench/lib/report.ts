import type { Machine } from "./machine.ts";
import type { Failure, RunResult } from "./run.ts";
import type { Row, Table } from "./summary.ts";

const GENERATOR_LIMIT = 0.9;

/** A whole run as it is written to disk. */
export interface Report {
  readonly startedAt: string;
  readonly tookSeconds: number;
  readonly command: string;
  readonly machine: Machine;
  readonly tables: readonly Table[];
  readonly run: RunResult;
}

/** The report as Markdown, which is also what the terminal shows. */
export function markdown(report: Report): string {
  const { machine, run } = report;
  return [
    `# Bench of ${report.startedAt}`,
    "",
    `\`${report.command}\`, ${run.roundsDone} rounds, windows of ${run.windowSeconds} s, ` +
    `${report.tookSeconds} s in all.`,
    "",
    ...machineLines(machine),
    "",
    "Only ratios within one run mean anything; `bench/README.md` says what each column is.",
    ...report.tables.flatMap(tableLines),
    ...failureLines(run.failures),
    "",
  ].join("\n");
}

function machineLines(machine: Machine): string[] {
  const runtimes = Object.entries(machine.runtimes).map(([name, version]) => `${name} ${version}`);
  return [
    `- machine: ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.kernel}`,
    `- file system of the data: ${machine.fileSystem}`,
    `- ${runtimes.join(", ")}`,
    `- ${machine.pinning}; load average at the start ${machine.loadAverageAtStart}`,
    ...(machine.fileSystem === "tmpfs"
      ? ["- **the data lay on tmpfs, where a sync costs nothing: no figure of durability counts**"]
      : []),
  ];
}

function tableLines(table: Table): string[] {
  const header = [
    "server",
    table.rateUnit,
    "min–max",
    "of ceiling",
    "p50 ms",
    "p99 ms",
    table.cpuUnit,
    "× ceiling",
    "after",
    "server core",
    "generator core",
    "notes",
  ];
  const rows = table.rows.map(cells);
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 || column === row.length - 1
          ? cell.padEnd(width)
          : cell.padStart(width);
      }).join(" | ")
    } |`;
  const rule = widths.map((width, column) =>
    column === 0 || column === widths.length - 1 ? "-".repeat(width) : "-".repeat(width - 1) + ":"
  );
  return ["", `## ${table.case}`, "", line(header), line(rule), ...rows.map(line)];
}

function cells(row: Row): readonly string[] {
  return [
    row.server,
    whole(row.rate),
    `${whole(row.rateMin)}–${whole(row.rateMax)}`,
    known(row.ofCeiling, hundredths),
    known(row.p50Millis, hundredths),
    known(row.p99Millis, hundredths),
    known(row.cpuMicrosPerUnit, significant),
    known(row.cpuOfCeiling, hundredths),
    known(row.afterCpuMicrosPerUnit, significant),
    known(row.serverBusy, percent),
    percent(row.generatorBusy),
    notes(row),
  ];
}

function notes(row: Row): string {
  const all: string[] = [];
  if (row.generatorBusy > GENERATOR_LIMIT) all.push("**generator was the bottleneck**");
  if (row.p50Millis === undefined) all.push("no answer was complete within the window");
  if (row.errors > 0) all.push(`**${row.errors} errors**: ${row.firstError}`);
  return all.join("; ");
}

function failureLines(failures: readonly Failure[]): string[] {
  if (failures.length === 0) return [];
  return [
    "",
    "## Not measured",
    "",
    ...failures.map((one) =>
      `- ${one.server}${one.case === undefined ? "" : `, ${one.case}`}: ${one.reason}`
    ),
  ];
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function known(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? "–" : format(value);
}

function hundredths(value: number): string {
  return value.toFixed(2);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
