import { resolve } from "node:path";
import { FileSystemError } from "../../env/file_system.ts";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import { type Bytes, encodeUtf8 } from "../../protocol/bytes.ts";
import { BackupError, checkBackup, manifestOf } from "../../storage/file/backup/check_backup.ts";
import { chunksOf } from "../../storage/file/backup/copy_file.ts";
import { type Generation, generations } from "../../storage/file/backup/generations.ts";
import type { BackupManifest } from "../../storage/file/backup/manifest.ts";
import {
  restoreBackup,
  type RestoreOptions,
  restoreUnpacked,
} from "../../storage/file/backup/restore.ts";
import { unpackTar } from "../../storage/file/backup/tar.ts";
import { sqliteDriver } from "../../storage/file/sqlite_driver.ts";
import { formatBytes } from "../commands/output/format_bytes.ts";
import { Progress } from "../commands/output/progress.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import { BrokenPipe, type CommandContext } from "../context/command_context.ts";
import { EXIT } from "../context/exit_code.ts";
import { plural } from "../context/plural.ts";
import { PROGRAM } from "../context/program_name.ts";
import { restoreFlags as flags } from "../flags/backup_flags.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { UsageError } from "../flags/usage_error.ts";
import { printBackupError } from "./print_backup_error.ts";
import { RateThrottle } from "./rate_throttle.ts";

/** `durable-streams restore`: makes a directory of a backup. */
export const restoreCommand: CliCommand = {
  name: "restore",
  summary: "Make a directory of a backup, after every byte of the backup was checked.",
  details: `
--from names a backup, or the folder that backups are in: then it is the newest. Or a tar file that
\`backup --to -\` wrote, or - for stdin. The directory has to be missing or empty; it can be served
once the command has ended. --check only checks the backup, --list prints which there are.`,
  examples: [
    ["durable-streams restore --from /backups/streams --to ./data", "the newest one"],
    ["durable-streams restore --from /backups/streams --list", "which there are"],
    ["ssh host 'cat streams.tar' | durable-streams restore --from - --to ./data", "from a stream"],
  ],
  flags,
  run,
};

async function run(values: FlagValues, { context }: Invocation): Promise<number> {
  const from = values.get(flags.from);
  const to = values.get(flags.to);
  if (from === undefined) throw new UsageError("restore needs --from, a backup");
  const needsTarget = !values.get(flags.list) && !values.get(flags.check);
  if (needsTarget && to === undefined) {
    throw new UsageError(`restore needs --to: ${PROGRAM} restore --from BACKUP --to DIR`);
  }
  const ending = new AbortController();
  let signalCode: number | undefined;
  const unlisten = context.onEndSignal((code) => {
    signalCode = code;
    ending.abort(new Error("interrupted"));
  });
  const progress = new Progress(context, context.errorsIsTerminal && !values.get(flags.json));
  const options = {
    fileSystem: nodeFileSystem,
    database: sqliteDriver,
    dir: resolve(to ?? "."),
    throttle: new RateThrottle(context.clock, Infinity, progress, ending.signal),
    mayBeDamaged: values.get(flags.allowDamaged),
  };
  try {
    if (from === "-" || isFile(from)) {
      return await fromStream(from, options, { values, context, progress });
    }
    return await fromFolder(resolve(from), options, { values, context, progress });
  } catch (error) {
    progress.end();
    if (signalCode !== undefined) return signalCode;
    if (error instanceof BrokenPipe) return EXIT.ok;
    if (error instanceof BackupError) {
      for (const text of error.problems) context.printError(`${PROGRAM}: ${text}`);
    }
    return printBackupError(error, context);
  } finally {
    unlisten();
  }
}

interface Surroundings {
  readonly values: FlagValues;
  readonly context: CommandContext;
  readonly progress: Progress;
}

async function fromStream(
  from: string,
  options: RestoreOptions,
  { values, context, progress }: Surroundings,
): Promise<number> {
  if (values.get(flags.list) || values.get(flags.check)) {
    throw new UsageError("--list and --check are for backups in a folder, and --from is a stream");
  }
  if (from === "-" && context.inputIsTerminal) {
    throw new UsageError(
      "--from - reads a tar file from stdin, and that is a terminal; use a pipe",
    );
  }
  const chunks = from === "-" ? context.input : chunksOfFile(resolve(from));
  const manifest = await restoreUnpacked(
    (target) => unpackTar(endable(chunks, options.throttle), target),
    options,
  );
  progress.end();
  return await tell(from, manifest, options.dir, { values, context });
}

/** The same chunks, until a signal ends the command. */
async function* endable(
  chunks: AsyncIterable<Bytes>,
  throttle: RestoreOptions["throttle"],
): AsyncIterable<Bytes> {
  for await (const chunk of chunks) {
    await throttle.spend(chunk.length);
    yield chunk;
  }
}

async function* chunksOfFile(path: string): AsyncIterable<Bytes> {
  const file = nodeFileSystem.open(path, "read");
  try {
    yield* chunksOf(file, 0, file.size());
  } finally {
    file.close();
  }
}

async function fromFolder(
  folder: string,
  options: RestoreOptions,
  { values, context, progress }: Surroundings,
): Promise<number> {
  const found = generations(nodeFileSystem, folder);
  if (values.get(flags.list)) return await list(found, { values, context });
  const root = found.at(-1)?.root ?? folder;
  if (!values.get(flags.check)) {
    const manifest = await restoreBackup(root, options);
    progress.end();
    return await tell(root, manifest, options.dir, { values, context });
  }
  const backup = { ...options, root };
  const manifest = manifestOf(backup);
  const problems = await checkBackup(backup, manifest, options.throttle);
  progress.end();
  if (problems.length > 0) throw new BackupError(`${root} isn't whole`, problems);
  const shown = values.get(flags.json)
    ? JSON.stringify({ outcome: "whole", from: root, ...figuresOf(manifest) })
    : `${root} is whole: ${describe(manifest)}`;
  await context.write(encodeUtf8(`${shown}\n`));
  return EXIT.ok;
}

async function list(
  found: readonly Generation[],
  { values, context }: Pick<Surroundings, "values" | "context">,
): Promise<number> {
  const isJson = values.get(flags.json);
  const lines = found.map(({ root, manifest }) =>
    isJson
      ? JSON.stringify({ outcome: "backup", root, ...figuresOf(manifest) })
      : `${root}  ${describe(manifest)}`
  );
  await context.write(encodeUtf8(lines.map((line) => `${line}\n`).join("")));
  return found.length === 0 ? EXIT.notFound : EXIT.ok;
}

async function tell(
  from: string,
  manifest: BackupManifest,
  dir: string,
  { values, context }: Pick<Surroundings, "values" | "context">,
): Promise<number> {
  const line = values.get(flags.json)
    ? JSON.stringify({ outcome: "restored", from, to: dir, ...figuresOf(manifest) })
    : `restored ${from} to ${dir}: ${describe(manifest)}`;
  await context.write(encodeUtf8(`${line}\n`));
  return EXIT.ok;
}

function figuresOf(manifest: BackupManifest) {
  const { streams, segments, segmentBytes, catalogBytes, lsn, beganAtMs, damagedCount } = manifest;
  const began = new Date(beganAtMs).toISOString();
  return { began, streams, segments, segmentBytes, catalogBytes, lsn, damaged: damagedCount };
}

function describe(manifest: BackupManifest): string {
  const { streams, segmentBytes, catalogBytes, lsn, beganAtMs, damagedCount } = manifest;
  return `${plural(streams, "stream")}, ${
    formatBytes(segmentBytes + catalogBytes)
  }, up to record ` +
    `${lsn}, begun ${new Date(beganAtMs).toISOString()}` +
    (damagedCount > 0 ? `, with ${plural(damagedCount, "problem")}` : "");
}

/** Whether a path is that of a file, and not of a folder or of nothing. */
function isFile(path: string): boolean {
  try {
    nodeFileSystem.list(path);
    return false;
  } catch (error) {
    if (!(error instanceof FileSystemError)) throw error;
    return true;
  }
}
