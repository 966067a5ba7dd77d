import { resolve } from "node:path";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import type { CommandContext } from "../context/command_context.ts";
import { EXIT } from "../context/exit_code.ts";
import { plural } from "../context/plural.ts";
import { PROGRAM } from "../context/program_name.ts";
import { exportFlags as flags } from "../flags/archive_flags.ts";
import { copyTokenFlags } from "../flags/copy_flags.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { UsageError } from "../flags/usage_error.ts";
import { ExportFile } from "./archive/export_file.ts";
import { exportStreams, type ExportSums } from "./archive/export_streams.ts";
import { type RunWithSides, runWithSides, type SidesFailure } from "./copy/run_with_sides.ts";
import { openSide } from "./copy/side.ts";
import { formatBytes } from "./output/format_bytes.ts";
import { printMissed } from "./reading/reading_flags.ts";
import { Progress } from "./output/progress.ts";

/** `durable-streams export`: writes streams to a file as lines of JSON. */
export const exportCommand: CliCommand = {
  name: "export",
  summary: "Write streams to a file, or to stdout, as lines of JSON.",
  details: `
From any server of the protocol or a directory: all streams, or those whose names begin with one of
PREFIX. Each goes as far as it went when its turn came, with its content type, TTL or expiry, and
whether it is closed; forks go with all of their content. Of one that is trimmed meanwhile what is
left follows: that is said, and the exit code is 3. An interrupted export to a file is simply run
again: it goes on behind the last stream that is whole there. \`import\` reads it.
docs/BACKUP.md has the lines.`,
  examples: [
    [
      "durable-streams export --from http://localhost:4437/v1/stream --to streams.ndjson",
      "all streams of a server",
    ],
    [
      "durable-streams export --from ./data --to - logs/ | gzip > logs.ndjson.gz",
      "those of a directory whose names begin so",
    ],
  ],
  args: [{ name: "PREFIX", help: "what the names begin with", optional: true, repeats: true }],
  flags,
  run,
};

/** How it fails: it is the source that is told of. */
const failure: SidesFailure = {
  tokenFlags: "--from-token, --from-token-file",
  sideOf: (_, [source]) => source,
};

async function run(values: FlagValues, { args, context }: Invocation): Promise<number> {
  const [from, to] = [values.get(flags.from), values.get(flags.to)];
  if (from === undefined || to === undefined) {
    throw new UsageError(
      `export needs --${from === undefined ? "from" : "to"}: ` +
        `${PROGRAM} export --from URL|DIR --to FILE|-`,
    );
  }
  if (values.get(flags.names) && args.length === 0) {
    throw new UsageError("--names says that the arguments are names, and there are none");
  }
  return await runWithSides(values, context, failure, async (running) => {
    const options = {
      flag: "from",
      text: from,
      tokens: copyTokenFlags.from,
      mayMake: false,
      forEver: false,
    } as const;
    const side = await openSide(options, values, context);
    running.sides.push(side);
    return await exportTo(to, { ...running, values, args, context });
  });
}

interface Exporting extends RunWithSides {
  readonly values: FlagValues;
  readonly args: readonly string[];
  readonly context: CommandContext;
}

async function exportTo(to: string, exporting: Exporting): Promise<number> {
  const { values, args, context, sides, signal } = exporting;
  const [from] = sides;
  if (from === undefined) return EXIT.failure;
  const file = to === "-" ? undefined : await ExportFile.open(resolve(to));
  const progress = new Progress(context, context.errorsIsTerminal);
  let exitCode: number = EXIT.ok;
  try {
    const sums = await exportStreams({
      from,
      selection: { args, areNames: values.get(flags.names) },
      done: file?.done ?? new Set(),
      signal,
      write: (line) => file === undefined ? context.write(line) : file.write(line),
      onBytes: (bytes) => progress.add(bytes),
      onMissing: (name) => {
        context.printError(
          `${PROGRAM}: ${JSON.stringify(name)} missing: the source has no such stream`,
        );
        exitCode = EXIT.notFound;
      },
      onMissed: (name, missed) => {
        printMissed(context, name, missed);
        exitCode = EXIT.notFound;
      },
    });
    progress.end();
    await tell(to, sums, exporting);
    return exitCode;
  } finally {
    progress.end();
    await file?.close();
  }
}

async function tell(to: string, sums: ExportSums, { values, context }: Exporting): Promise<void> {
  const line = values.get(flags.json)
    ? JSON.stringify({ outcome: "exported", to, ...sums })
    : `exported ${plural(sums.streams, "stream")}, ${formatBytes(sums.bytes)}` +
      (sums.resumed > 0 ? `, behind ${sums.resumed} that were there` : "");
  if (to === "-") context.printError(line);
  else await context.write(encodeUtf8(`${line}\n`));
}
