import type { Machine } from "../system/machine.ts";
import type { Failure, RunResult } from "../run/run.ts";
import type { Row, Table } from "./summary.ts";

const GENERATOR_LIMIT = 0.9;
const MIB = 2 ** 20;

/** A whole run as it is written to disk. */
export interface Report {
  readonly startedAt: string;
  readonly tookSeconds: number;
  readonly command: string;
  readonly machine: Machine;
  readonly tables: readonly Table[];
  readonly run: RunResult;
}

/**
 * The report as Markdown, which is also what the terminal shows.
 *
 * @param plot the file name of the plot beside it, where there is one
 */
export function markdown(report: Report, plot: string | undefined): string {
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
    ...(plot === undefined ? [] : ["", `![Rate and CPU time of each server](${plot})`]),
    ...report.tables.flatMap(tableLines),
    ...failureLines(run.failures),
    "",
  ].join("\n");
}

function machineLines(machine: Machine): string[] {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const { sync } = machine;
  return [
    `- machine: ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.kernel}`,
    `- file system of the data: ${machine.fileSystem}; a write of ${sync.bytes} B and its ` +
    `fdatasync, one after the other: p50 ${sync.p50Micros.toFixed(0)} µs, p99 ` +
    `${sync.p99Micros.toFixed(0)} µs`,
    `- ${versions.join(", ")}`,
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
    "of native",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    `CPU µs/${table.unit}`,
    "× ceiling",
    "× native",
    "after",
    `B to disk/${table.unit}`,
    "MiB",
    "files",
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
  const rule = `| ${
    widths.map((width, column) =>
      column === 0 || column === widths.length - 1 ? "-".repeat(width) : "-".repeat(width - 1) + ":"
    ).join(" | ")
  } |`;
  return [
    "",
    `## ${table.title}`,
    "",
    `\`${table.case}\``,
    "",
    line(header),
    rule,
    ...rows.map(line),
  ];
}

function cells(row: Row): string[] {
  return [
    row.server,
    whole(row.rate.median),
    `${whole(row.rate.min)}–${whole(row.rate.max)}`,
    known(row.ofCeiling?.median, hundredths),
    known(row.ofNative?.median, hundredths),
    known(row.p50Millis, hundredths),
    known(row.p99Millis?.median, hundredths),
    known(row.p999Millis, hundredths),
    known(row.cpuMicrosPerUnit?.median, significant),
    known(row.cpuOfCeiling?.median, hundredths),
    known(row.cpuOfNative?.median, hundredths),
    known(row.afterCpuMicrosPerUnit, significant),
    known(row.writtenBytesPerUnit, whole),
    known(row.memoryBytes, (bytes) => whole(bytes / MIB)),
    known(row.openFiles, whole),
    known(row.serverBusy, percent),
    percent(row.generatorBusy),
    notes(row),
  ];
}

function notes(row: Row): string {
  const all = Object.entries(row.figures).map(([name, value]) => `${significant(value)} ${name}`);
  if (row.fellBehind) all.push("**did not keep the pace**");
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
  return Math.abs(value) >= 100 ? whole(value) : value.toFixed(1);
}
