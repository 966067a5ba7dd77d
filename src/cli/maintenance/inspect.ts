import { FileSystemError } from "../../env/file_system.ts";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { DirectoryError } from "../../storage/file/directory/damage.ts";
import { InspectError, inspectFile } from "../../storage/file/maintenance/inspect/inspect.ts";
import { type Item, itemLine, itemObject } from "../../storage/file/maintenance/inspect/item.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { EXIT } from "../context/exit_code.ts";
import { integerFlag, optionalFlag } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { PROGRAM } from "../context/program_name.ts";
import { BrokenPipe, type CommandContext } from "../context/command_context.ts";
import { UsageError } from "../flags/usage_error.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";

/** Lines are written this many at a time. */
const PAGE_LINES = 500;

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

/** `durable-streams inspect FILE`: what is in a file of a server's directory. */
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
  const format = values.get(flags.json)
    ? (item: Item) => JSON.stringify(itemObject(item))
    : itemLine;
  try {
    return await print(inspectFile(nodeFileSystem, path), limit, format, context);
  } catch (error) {
    if (error instanceof BrokenPipe) return EXIT.ok;
    return printError(error, context);
  }
}

/** Resolves to the exit code: a damaged part is a failure. */
async function print(
  items: Iterable<Item>,
  limit: number,
  format: (item: Item) => string,
  context: CommandContext,
): Promise<number> {
  let lines: string[] = [];
  let count = 0;
  let exitCode: number = EXIT.ok;
  for (const item of items) {
    if (item.damage !== undefined) exitCode = EXIT.failure;
    lines.push(`${format(item)}\n`);
    if (lines.length === PAGE_LINES) {
      await context.write(encodeUtf8(lines.join("")));
      lines = [];
    }
    if (++count >= limit) break;
  }
  await context.write(encodeUtf8(lines.join("")));
  return exitCode;
}

function printError(error: unknown, context: CommandContext): number {
  if (error instanceof InspectError && error.code !== "missing") {
    throw new UsageError(error.message);
  }
  const isTold = error instanceof InspectError || error instanceof DirectoryError ||
    error instanceof FileSystemError;
  if (!isTold) throw error;
  context.printError(`${PROGRAM}: ${error.message}`);
  if (error instanceof InspectError) return EXIT.notFound;
  return error instanceof DirectoryError && error.code === "in_use"
    ? EXIT.unavailable
    : EXIT.failure;
}
