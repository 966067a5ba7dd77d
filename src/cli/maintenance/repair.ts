import { resolve } from "node:path";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { repairDirectory } from "../../storage/file/maintenance/repair/repair.ts";
import {
  describeAction,
  describeLeft,
  type RepairReport,
} from "../../storage/file/maintenance/repair/report.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { printDirectoryError } from "./print_directory_error.ts";
import { EXIT } from "../context/exit_code.ts";
import { switchFlag } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { serveFlags } from "../flags/serve_flags.ts";
import { plural } from "../context/plural.ts";
import { BrokenPipe } from "../context/command_context.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";

const flags = {
  dir: { ...serveFlags.dir, help: "The directory that keeps the streams." },
  dryRun: switchFlag({
    name: "dry-run",
    help: "Only print what would be done; the catalogue may turn out to be damaged further.",
    commandLineOnly: true,
  }),
  json: jsonOutputFlag,
};

/** `durable-streams repair`: repairs a damaged directory and says what is lost. */
export const repairCommand: CliCommand = {
  name: "repair",
  summary: "Repair a directory that no server is using, and say exactly what is lost.",
  details: `
Keeps a copy of whatever it changes or removes in a folder damaged-TIME in the directory. Prints
one finding per line: repaired; lost; unproven (served again, though nothing shows that it is what
was written); not repaired (requests for it are answered 500). Exits 1 where something is not
repaired.`,
  examples: [
    ["durable-streams repair --dir ./data --dry-run", "what would be done"],
    ["durable-streams repair --dir ./data", "does it, and keeps the originals"],
  ],
  flags,
  run,
};

async function run(values: FlagValues, { context }: Invocation): Promise<number> {
  context.endOnSignals();
  const isDryRun = values.get(flags.dryRun);
  try {
    const report = await repairDirectory({
      fileSystem: nodeFileSystem,
      dir: resolve(values.get(flags.dir)),
      isDryRun,
      nowMs: context.clock.nowMs(),
    });
    await context.write(encodeUtf8(
      values.get(flags.json) ? jsonLines(report) : textLines(report, isDryRun),
    ));
    const isLeft = report.left.length > 0 || (isDryRun && report.before.length > 0);
    return isLeft ? EXIT.failure : EXIT.ok;
  } catch (error) {
    if (error instanceof BrokenPipe) return EXIT.ok;
    return printDirectoryError(error, context);
  }
}

function textLines(report: RepairReport, isDryRun: boolean): string {
  const lines = [...report.actions.map(describeAction), ...report.left.map(describeLeft)];
  const { before, actions, left, keptIn } = report;
  const wrong = `${plural(before.length, "problem")} found`;
  const done = `${plural(actions.length, "repair")} made, ${left.length} not repaired`;
  lines.push(
    before.length === 0
      ? "nothing is damaged; nothing was changed"
      : isDryRun
      ? `${wrong}; nothing was changed`
      : `${wrong}: ${done}; ` +
        (keptIn === undefined ? "nothing was changed" : `the originals are in ${keptIn}`),
  );
  return lines.map((line) => `${line}\n`).join("");
}

function jsonLines({ before, actions, left, keptIn }: RepairReport): string {
  const summary = {
    damaged: before.length,
    steps: actions.length,
    notRepaired: left.length,
    keptIn,
  };
  return [
    ...actions,
    ...left.map((finding) => ({ outcome: "not repaired", ...finding })),
    { outcome: "summary", ...summary },
  ].map((line) => `${JSON.stringify(line)}\n`).join("");
}
