import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import { lowerPriority } from "../../env/thread_priority.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import {
  backUpToFolder,
  backUpToStream,
  generations,
  type StoredGeneration,
} from "../../storage/file/backup/generations.ts";
import type { BackupManifest } from "../../storage/file/backup/manifest.ts";
import { TarTarget } from "../../storage/file/backup/tar.ts";
import { sqliteDriver } from "../../storage/file/sqlite_driver.ts";
import { formatBytes } from "../commands/output/format_bytes.ts";
import { Progress } from "../commands/output/progress.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import { BrokenPipe, type CommandContext } from "../context/command_context.ts";
import { EXIT } from "../context/exit_code.ts";
import { plural } from "../context/plural.ts";
import { PROGRAM } from "../context/program_name.ts";
import { backupFlags as flags } from "../flags/backup_flags.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { UsageError } from "../flags/usage_error.ts";
import { printBackupError } from "./print_backup_error.ts";
import { RateThrottle } from "./rate_throttle.ts";

const MIB = 1024 * 1024;

/** `durable-streams backup`: copies a directory, also of a running server, as of one moment. */
export const backupCommand: CliCommand = {
  name: "backup",
  summary: "Back up a directory as it is at one moment, also while a server uses it.",
  details: `
Everything that was acknowledged before it began is in it, all of it as one record of the log left
it; the server goes on meanwhile. To be run where the directory is, as the user that runs the
server. --to names a folder: each backup is a folder in it, named by its time, that shares with the
one before what has not changed. Or --to - writes it to stdout, as tar. Every block is checked on
its way. An interrupted backup is simply run again. \`restore\` makes a directory of it.
docs/BACKUP.md says more. Streams in memory have no directory; those in a cluster of NATS servers
are backed up there, or by \`export\`.`,
  examples: [
    [
      "durable-streams backup --dir ./data --to /backups/streams",
      "a new backup beside earlier ones",
    ],
    ["durable-streams backup --to - | ssh host 'cat > streams.tar'", "as one stream"],
  ],
  flags,
  run,
};

async function run(values: FlagValues, { context }: Invocation): Promise<number> {
  const to = checkFlags(values);
  const ending = new AbortController();
  let signalCode: number | undefined;
  const unlisten = context.onEndSignal((code) => {
    signalCode = code;
    ending.abort(new Error("interrupted"));
  });
  lowerPriority();
  const progress = new Progress(context, context.errorsIsTerminal && !values.get(flags.json));
  const rate = values.get(flags.rate);
  const options = {
    fileSystem: nodeFileSystem,
    database: sqliteDriver,
    clock: context.clock,
    dir: resolve(values.get(flags.dir)),
    throttle: new RateThrottle(
      context.clock,
      rate === 0 ? Infinity : rate,
      progress,
      ending.signal,
    ),
  };
  try {
    if (to === "-") return await toStream(options, values, context, progress, ending.signal);
    return await toFolder(resolve(to), options, values, context, progress);
  } catch (error) {
    progress.end();
    if (signalCode !== undefined) return signalCode;
    if (error instanceof BrokenPipe) {
      context.printError(`${PROGRAM}: whoever reads the backup has ended: it isn't whole`);
      return EXIT.failure;
    }
    return printBackupError(error, context);
  } finally {
    unlisten();
  }
}

type Options = Parameters<typeof backUpToFolder>[1];

async function toFolder(
  folder: string,
  options: Options,
  values: FlagValues,
  context: CommandContext,
  progress: Progress,
): Promise<number> {
  const stored = await backUpToFolder(folder, options);
  progress.end();
  const isDamaged = stored.manifest.damagedCount > 0;
  // They may be the last ones with what is damaged by now.
  const removed = isDamaged ? [] : removeOld(folder, values.get(flags.keep));
  const line = values.get(flags.json)
    ? JSON.stringify({ outcome: "backed up", to: stored.root, ...summaryOf(stored), removed })
    : textOf(stored, removed);
  await context.write(encodeUtf8(`${line}\n`));
  if (isDamaged && values.get(flags.keep) !== undefined) {
    context.printError(`${PROGRAM}: earlier backups stay, as this one has damage`);
  }
  return tellDamage(stored.manifest, context);
}

/** Only whole ones count, and the newest always stays. */
function removeOld(folder: string, keep: number | undefined): string[] {
  if (keep === undefined) return [];
  const old = generations(nodeFileSystem, folder).slice(0, -keep);
  for (const { root } of old) nodeFileSystem.removeTree?.(root);
  return old.map(({ name }) => name);
}

async function toStream(
  options: Options,
  values: FlagValues,
  context: CommandContext,
  progress: Progress,
  signal: AbortSignal,
): Promise<number> {
  if (context.outputIsTerminal) {
    throw new UsageError("--to - writes a tar file to stdout, and that is a terminal; use a pipe");
  }
  const scratch = join(
    resolve(values.get(flags.tempDir) ?? tmpdir()),
    `durable-streams-backup-${crypto.randomUUID()}`,
  );
  try {
    nodeFileSystem.makePrivateDirectory?.(scratch);
    const write = context.writeAside ?? context.write;
    const target = new TarTarget((bytes) => unlessAborted(write(bytes), signal));
    const manifest = await backUpToStream(target, scratch, options);
    await target.end();
    progress.end();
    const { streams, lsn } = manifest;
    context.printError(`${PROGRAM}: backed up ${plural(streams, "stream")}, up to record ${lsn}`);
    return tellDamage(manifest, context);
  } finally {
    nodeFileSystem.removeTree?.(scratch);
  }
}

/** What `work` comes to, or the signal's reason as soon as that is aborted: a full pipe may stay full. */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  return promise;
}

/** A backup of what was damaged already is better than none, and no success. */
function tellDamage({ damaged, damagedCount }: BackupManifest, context: CommandContext): number {
  for (const text of damaged) context.printError(`${PROGRAM}: damaged: ${text}`);
  if (damagedCount === 0) return EXIT.ok;
  context.printError(
    `${PROGRAM}: ${
      plural(damagedCount, "problem")
    } in the directory: the backup has them too, and ` +
      "is restored with --allow-damaged only",
  );
  return EXIT.failure;
}

function summaryOf({ manifest, linkedFiles }: StoredGeneration) {
  const { streams, segments, segmentBytes, blocks, catalogBytes, lsn } = manifest;
  const tookMs = manifest.endedAtMs - manifest.beganAtMs;
  return { streams, segments, segmentBytes, blocks, catalogBytes, linkedFiles, lsn, tookMs };
}

function textOf(stored: StoredGeneration, removed: readonly string[]): string {
  const { streams, segmentBytes, catalogBytes, linkedFiles, lsn, tookMs } = summaryOf(stored);
  const bytes = segmentBytes + catalogBytes;
  const rate = tookMs > 0 && bytes > MIB ? `, ${formatBytes(bytes / tookMs * 1000)}/s` : "";
  return `${stored.root}: ${plural(streams, "stream")}, ${formatBytes(bytes)}${rate}, ` +
    `${plural(linkedFiles, "file")} shared, up to record ${lsn}` +
    (removed.length > 0 ? `; removed ${removed.join(", ")}` : "");
}

/** @throws {UsageError} */
function checkFlags(values: FlagValues): string {
  const storage = values.get(flags.storage);
  if (storage !== "file") {
    throw new UsageError(
      `--storage is ${storage}, and only a directory has a backup; ` +
        (storage === "nats"
          ? "back the cluster up by `nats account backup`, or its streams by `export` or `copy`"
          : "copy the streams of a server that keeps them in memory by `export` or `copy`"),
    );
  }
  const to = values.get(flags.to);
  if (to === undefined) {
    throw new UsageError(
      `backup needs --to, a folder or -: ${PROGRAM} backup --dir DIR --to FOLDER`,
    );
  }
  if (to !== "-" && resolve(to) === resolve(values.get(flags.dir))) {
    throw new UsageError("--to and --dir are the same; accepted: two that differ");
  }
  return to;
}
