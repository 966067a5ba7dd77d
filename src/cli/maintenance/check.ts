import { resolve } from "node:path";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { checkDirectory, type CheckReport } from "../../storage/file/maintenance/check/check.ts";
import {
  describeFinding,
  describeNote,
  type Found,
  isFinding,
} from "../../storage/file/maintenance/check/finding.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { printDirectoryError } from "./print_directory_error.ts";
import { EXIT } from "../context/exit_code.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { serveFlags } from "../flags/serve_flags.ts";
import { plural } from "../context/plural.ts";
import { BrokenPipe } from "../context/command_context.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";

const flags = {
  dir: { ...serveFlags.dir, help: "The directory that keeps the streams." },
  json: jsonOutputFlag,
};

/** `durable-streams check`: finds damage in a directory. */
export const checkCommand: CliCommand = {
  name: "check",
  summary: "Look for damage in every byte of a directory that no server is using.",
  details: `
Prints one finding per line: "damaged: FILE:BYTE: what is wrong", or "note: …" for what is not
damage, such as a file that a crash left behind. Changes nothing: \`repair\` does. Exits 1 where
something is damaged.`,
  examples: [
    ["durable-streams check --dir ./data", "while no server uses it"],
  ],
  flags,
  run,
};

async function run(values: FlagValues, { context }: Invocation): Promise<number> {
  context.endOnSignals();
  try {
    const dir = resolve(values.get(flags.dir));
    const report = checkDirectory({ fileSystem: nodeFileSystem, dir });
    await context.write(encodeUtf8(values.get(flags.json) ? jsonLines(report) : textLines(report)));
    return report.found.some(isFinding) ? EXIT.failure : EXIT.ok;
  } catch (error) {
    if (error instanceof BrokenPipe) return EXIT.ok;
    return printDirectoryError(error, context);
  }
}

function textLines({ found, counts }: CheckReport): string {
  const damaged = found.filter(isFinding).length;
  const wrong = damaged === 0 ? "nothing is damaged" : `${plural(damaged, "problem")} found`;
  const { files, bytes, streams } = counts;
  const checked = [plural(streams, "stream"), plural(files, "file"), plural(bytes, "byte")];
  return [...found.map(line), `${wrong}: ${checked.join(", ")}`]
    .map((text) => `${text}\n`).join("");
}

function line(found: Found): string {
  return isFinding(found) ? `damaged: ${describeFinding(found)}` : `note: ${describeNote(found)}`;
}

function jsonLines({ found, counts }: CheckReport): string {
  const damaged = found.filter(isFinding).length;
  return [
    ...found.map((one) => ({ outcome: isFinding(one) ? "damaged" : "note", ...one })),
    { outcome: "summary", damaged, ...counts },
  ].map((each) => `${JSON.stringify(each)}\n`).join("");
}
