import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { FileSystemError } from "../../env/file_system.ts";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { chunksOf } from "../../storage/file/backup/copy_file.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import type { CommandContext } from "../context/command_context.ts";
import { CommandError } from "../context/command_error.ts";
import { EXIT } from "../context/exit_code.ts";
import { PROGRAM } from "../context/program_name.ts";
import { importFlags as flags } from "../flags/archive_flags.ts";
import { copyTokenFlags } from "../flags/copy_flags.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { UsageError } from "../flags/usage_error.ts";
import { importStreams } from "./archive/import_streams.ts";
import { readArchive } from "./archive/read_archive.ts";
import { CopyRounds } from "./copy/copy_round.ts";
import { CopyReport } from "./copy/report.ts";
import { type RunWithSides, runWithSides, type SidesFailure } from "./copy/run_with_sides.ts";
import { openSide, type Side } from "./copy/side.ts";

/** `durable-streams import`: makes streams of a file that `export` wrote. */
export const importCommand: CliCommand = {
  name: "import",
  summary: "Make streams at a server or in a directory of a file that `export` wrote.",
  details: `
To any server of the protocol, or a directory. What the target has already is compared, and gone on
with where it is a beginning of the same: an interrupted import is simply run again, and nothing
comes twice. A stream that has other content at the target is refused, and the others are imported.
Each stream is compared with its SHA-256 before anything of it goes to the target.`,
  examples: [
    [
      "durable-streams import --from streams.ndjson --to http://localhost:4437/v1/stream",
      "all streams of the file",
    ],
    ["gunzip -c logs.ndjson.gz | durable-streams import --from - --to ./data", "from stdin"],
  ],
  flags,
  run,
};

/** How it fails: it is the target that is told of. */
const failure: SidesFailure = {
  tokenFlags: "--to-token, --to-token-file",
  sideOf: (_, [target]) => target,
};

async function run(values: FlagValues, { context }: Invocation): Promise<number> {
  const [from, to] = [values.get(flags.from), values.get(flags.to)];
  if (from === undefined || to === undefined) {
    throw new UsageError(
      `import needs --${from === undefined ? "from" : "to"}: ` +
        `${PROGRAM} import --from FILE|- --to URL|DIR`,
    );
  }
  const scratch = join(
    resolve(values.get(flags.tempDir) ?? tmpdir()),
    `durable-streams-import-${crypto.randomUUID()}`,
  );
  try {
    return await runWithSides(values, context, failure, async (running) => {
      const open = async (flag: "from" | "to", text: string) => {
        const options = { flag, text, tokens: copyTokenFlags[flag], mayMake: true, forEver: false };
        const side = await openSide(options, values, context);
        running.sides.push(side);
        return side;
      };
      const target = await open("to", to);
      nodeFileSystem.makePrivateDirectory?.(scratch);
      const spool = await open("from", scratch);
      return await importTo(from, { target, spool }, { ...running, values, context });
    });
  } finally {
    nodeFileSystem.removeTree?.(scratch);
  }
}

interface Importing extends RunWithSides {
  readonly values: FlagValues;
  readonly context: CommandContext;
}

async function importTo(
  from: string,
  { target, spool }: Record<"target" | "spool", Side>,
  { values, context, signal }: Importing,
): Promise<number> {
  const isChecked = values.get(flags.check);
  const report = new CopyReport({
    values,
    context,
    isJson: values.get(flags.json),
    isDryRun: false,
    isChecked,
    offsetsFile: undefined,
  });
  // Greater than any earlier run's.
  const epoch = context.clock.nowMs();
  const copy = async (name: string) => {
    await new CopyRounds({
      from: spool,
      to: target,
      isChecked,
      isDryRun: false,
      epoch,
      producerId,
      signal,
      onBytes: (bytes) => report.addBytes(bytes),
      selection: { args: [name], areNames: true },
      parallel: 1,
      skipsExisting: values.get(flags.skipExisting),
      follows: false,
      onOutcome: (each, outcome) => report.onOutcome(each, outcome),
    }).run();
  };
  try {
    const chunks = from === "-" ? context.input : chunksOfFile(resolve(from));
    await importStreams(readArchive(chunks), {
      spool,
      signal,
      copy,
      onExpired: (name) =>
        report.onOutcome(name, {
          outcome: "gone",
          reason: "its expiry is over: it isn't made again",
        }),
      onDeleted: (name) =>
        report.onOutcome(name, {
          outcome: "gone",
          reason: "it was deleted while it was exported",
        }),
      nowMs: () => context.clock.nowMs(),
    });
    await report.end();
    return report.exitCode;
  } finally {
    await report.close();
  }
}

/** An import's producer at a stream: the same in every run, so that a later fences off an earlier. */
function producerId(name: string): string {
  return `import/${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}

/** @throws {CommandError} where it can't be read */
async function* chunksOfFile(path: string): AsyncIterable<Bytes> {
  const file = (() => {
    try {
      return nodeFileSystem.open(path, "read");
    } catch (error) {
      if (!(error instanceof FileSystemError)) throw error;
      const isMissing = error.kind === "not_found";
      throw new CommandError(error.message, isMissing ? EXIT.notFound : EXIT.usage);
    }
  })();
  try {
    yield* chunksOf(file, 0, file.size());
  } finally {
    file.close();
  }
}
