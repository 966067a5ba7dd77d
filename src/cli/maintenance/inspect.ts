import { nodeFileSystem } from "../../env/node_file_system.ts";
import { InspectError, inspectFile } from "../../storage/file/maintenance/inspect/inspect.ts";
import { type Item, itemLine, itemObject } from "../../storage/file/maintenance/inspect/item.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { printDirectoryError } from "./print_directory_error.ts";
import { EXIT } from "../context/exit_code.ts";
import { integerFlag, optionalFlag } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { printLines } from "../context/print_lines.ts";
import { PROGRAM } from "../context/program_name.ts";
import { BrokenPipe, type CommandContext } from "../context/command_context.ts";
import { UsageError } from "../flags/usage_error.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";

const flags = {
  limit: optionalFlag(integerFlag({
    name: "limit",
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    default: 1,
    help: "Stop after so many items.",
    commandLineOnly: true,
  })),
  json: jsonOutputFlag,
};

/** `durable-streams inspect FILE`: prints a file of a server's directory. */
export const inspectCommand: CliCommand = {
  name: "inspect",
  summary: "Print what is in a file of a server's directory, one item per line with its position.",
  details: `
FILE is a .wal, spare, .idx or .log file, FORMAT or catalog.sqlite. Damaged parts are named, and
what follows them is printed too. Changes nothing. The catalogue can't be read while a server runs.`,
  examples: [
    ["durable-streams inspect data/catalog.sqlite", "the streams of a directory"],
    [
      "durable-streams inspect data/wal/00000000000000000001.wal --limit 10",
      "the first records of the log",
    ],
  ],
  args: [{ name: "FILE", help: "a file of a server's directory" }],
  flags,
  run,
};

async function run(values: FlagValues, { args, context }: Invocation): Promise<number> {
  context.endOnSignals();
  const [path = ""] = args;
  const limit = values.get(flags.limit) ?? Infinity;
  const toLine = values.get(flags.json)
    ? (item: Item) => JSON.stringify(itemObject(item))
    : itemLine;
  let exitCode: number = EXIT.ok;
  const format = (item: Item) => {
    if (item.damage !== undefined) exitCode = EXIT.failure;
    return toLine(item);
  };
  try {
    await printLines(inspectFile(nodeFileSystem, path), limit, format, context);
    return exitCode;
  } catch (error) {
    if (error instanceof BrokenPipe) return EXIT.ok;
    return printError(error, context);
  }
}

function printError(error: unknown, context: CommandContext): number {
  if (!(error instanceof InspectError)) return printDirectoryError(error, context);
  if (error.code !== "missing") throw new UsageError(error.message);
  context.printError(`${PROGRAM}: ${error.message}`);
  return EXIT.notFound;
}
