import { resolve } from "node:path";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { directoryPaths } from "../../storage/file/directory/paths.ts";
import { requireOwnDirectory } from "../../storage/file/maintenance/check/check.ts";
import {
  directoryUsage,
  type StreamUsage,
  streamUsages,
  type UsageScope,
} from "../../storage/file/maintenance/usage/usage.ts";
import { formatBytes } from "../commands/output/format_bytes.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import { BrokenPipe, type CommandContext } from "../context/command_context.ts";
import { EXIT } from "../context/exit_code.ts";
import { printLines } from "../context/print_lines.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { integerFlag, switchFlag } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { serveFlags } from "../flags/serve_flags.ts";
import { UsageError } from "../flags/usage_error.ts";
import { printDirectoryError } from "./print_directory_error.ts";

const SIZE_COLUMN = 10;
const COUNT_COLUMN = 9;

const flags = {
  dir: { ...serveFlags.dir, help: "The directory that keeps the streams." },
  storage: serveFlags.storage,
  streams: switchFlag({
    name: "streams",
    help: "A line for each stream, in the order of their names.",
    commandLineOnly: true,
  }),
  depth: integerFlag({
    name: "depth",
    min: 1,
    max: 100,
    default: 1,
    help: "Of names as a/b/c, how many parts behind PREFIX make a group.",
    commandLineOnly: true,
  }),
  json: jsonOutputFlag,
};

/** `durable-streams du`: what streams take on the disk, and what holds it. */
export const duCommand: CliCommand = {
  name: "du",
  summary: "Say what streams take on the disk, by prefix, and what holds it.",
  details: `
Reads the catalogue of a directory, also of one that a server is using: what the streams are as of
the last checkpoint, 30 s ago at most. A line for each group of names, the largest first: bytes;
how much of them only forks still read, since it was trimmed or its stream deleted; how much is
snapshots; how much was trimmed and goes with its segment; streams, and the names' beginning. At
the end what the directory takes beside that: the log, the catalogue, and files that are freed soon
(docs/BACKUP.md, "Space").`,
  examples: [
    ["durable-streams du --dir ./data", "by the first part of the names"],
    ["durable-streams du --dir ./data logs/ --streams", "each stream whose name begins so"],
  ],
  args: [{ name: "PREFIX", help: "what the names begin with", optional: true }],
  flags,
  run,
};

async function run(values: FlagValues, { args, context }: Invocation): Promise<number> {
  context.endOnSignals();
  if (values.get(flags.storage) !== "file") {
    throw new UsageError(
      `--storage is ${values.get(flags.storage)}, and du is for a directory; accepted: file`,
    );
  }
  try {
    const scope = {
      fileSystem: nodeFileSystem,
      paths: directoryPaths(resolve(values.get(flags.dir))),
    };
    requireOwnDirectory(scope);
    const [prefix = ""] = args;
    if (values.get(flags.streams)) await printStreams(scope, prefix, values, context);
    else await printGroups(scope, prefix, values, context);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof BrokenPipe) return EXIT.ok;
    return printDirectoryError(error, context);
  }
}

async function printStreams(
  scope: UsageScope,
  prefix: string,
  values: FlagValues,
  context: CommandContext,
): Promise<void> {
  const format = values.get(flags.json)
    ? (stream: StreamUsage) => JSON.stringify(stream)
    : (stream: StreamUsage) => `${size(stream.bytes)}  ${stream.name}${heldText(stream)}`;
  await printLines(streamUsages(scope, prefix), Infinity, format, context);
}

function heldText(stream: StreamUsage): string {
  const { heldBy, forks, heldByForksBytes, snapshotBytes, trimmedBytes } = stream;
  const parts = heldBy === "forks" ? [`deleted, kept for ${forks} forks`] : ([
    [heldByForksBytes, "trimmed, kept for forks"],
    [snapshotBytes, "snapshot"],
    [trimmedBytes, "trimmed"],
  ] as const).flatMap(([bytes, what]) => bytes > 0 ? [`${formatBytes(bytes)} ${what}`] : []);
  return parts.length === 0 ? "" : `  (${parts.join("; ")})`;
}

interface Group {
  bytes: number;
  heldByForksBytes: number;
  snapshotBytes: number;
  trimmedBytes: number;
  streams: number;
}

function emptyGroup(): Group {
  return { bytes: 0, heldByForksBytes: 0, snapshotBytes: 0, trimmedBytes: 0, streams: 0 };
}

async function printGroups(
  scope: UsageScope,
  prefix: string,
  values: FlagValues,
  context: CommandContext,
): Promise<void> {
  const groups = new Map<string, Group>();
  const total = emptyGroup();
  for (const stream of streamUsages(scope, prefix)) {
    const name = groupOf(stream.name, prefix, values.get(flags.depth));
    const group = groups.get(name) ?? emptyGroup();
    groups.set(name, group);
    for (const sum of [group, total]) {
      sum.bytes += stream.bytes;
      sum.streams++;
      sum.heldByForksBytes += stream.heldByForksBytes;
      sum.snapshotBytes += stream.snapshotBytes;
      sum.trimmedBytes += stream.trimmedBytes;
    }
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.bytes - a.bytes);
  const rest = prefix === "" ? directoryUsage(scope) : undefined;
  if (values.get(flags.json)) {
    const lines = [
      ...sorted.map(([name, group]) => ({ prefix: name, ...group })),
      { outcome: "summary", ...total, ...rest },
    ];
    return await printLines(lines, Infinity, (line) => JSON.stringify(line), context);
  }
  await context.write(encodeUtf8(`${head()}\n`));
  await printLines(
    sorted,
    Infinity,
    ([name, group]) => `${columns(group)}  ${name}`,
    context,
  );
  await context.write(encodeUtf8(`${columns(total)}  all of it\n`));
  if (rest === undefined) return;
  const others = [
    [rest.logBytes, "log, as long as records in it are newer than the catalogue"],
    [rest.spareLogBytes, "log files that wait to be used again"],
    [rest.catalogBytes, "catalogue, with the unfilled blocks counted above"],
    [rest.ballastBytes, "ballast"],
    [rest.unnamedBytes, "segments without a row: freed soon, or newer than the checkpoint"],
  ] as const;
  await printLines(others, Infinity, ([bytes, what]) => `${size(bytes)}  ${what}`, context);
}

/** `logs/2026/` of `logs/2026/05/01` at a depth of 2; a name that has no more parts is its own group. */
function groupOf(name: string, prefix: string, depth: number): string {
  let end = prefix.length;
  for (let part = 0; part < depth; part++) {
    const slash = name.indexOf("/", end);
    if (slash < 0) return name;
    end = slash + 1;
  }
  return name.slice(0, end);
}

function head(): string {
  const sizes = ["bytes", "for forks", "snapshots", "trimmed"];
  return `${sizes.map((name) => name.padStart(SIZE_COLUMN)).join(" ")} ` +
    "streams".padStart(COUNT_COLUMN);
}

function columns(group: Group): string {
  const { bytes, heldByForksBytes, snapshotBytes, trimmedBytes, streams } = group;
  return `${[bytes, heldByForksBytes, snapshotBytes, trimmedBytes].map(size).join(" ")} ` +
    String(streams).padStart(COUNT_COLUMN);
}

function size(bytes: number): string {
  return formatBytes(bytes).padStart(SIZE_COLUMN);
}
