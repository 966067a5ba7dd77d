import { dirname, join } from "node:path";
import type { File, FileSystem } from "../../../env/file_system.ts";
import type { SnapshotRow } from "../catalog/catalog.ts";
import { checksum } from "../directory/checksum.ts";
import { snapshotPath } from "../directory/paths.ts";
import { chunksOf, withFile } from "./copy_file.ts";
import { type CopiedRecords, forEachRecord, isNew } from "./logged_records.ts";
import type { EarlierCopy } from "./segment_copy.ts";
import type { BackupTarget, BackupThrottle, TargetFile } from "./target.ts";

/** The body of a snapshot. */
export type SnapshotBody = Pick<SnapshotRow, "streamId" | "number" | "bytes" | "crc32">;

/** A body that is copied, or only checked. */
export interface SnapshotSource {
  readonly fileSystem: FileSystem;
  /** The folder `snapshots` that it is in. */
  readonly snapshots: string;
  readonly body: SnapshotBody;
}

/** Where a body's copy goes. */
export interface SnapshotTarget {
  readonly target: BackupTarget;
  /** The newest first. */
  readonly earlier: readonly EarlierCopy[];
  /** Whether it may be one file with the source's. */
  readonly mayShare: boolean;
}

/**
 * The snapshots that streams have after the log's last record: those of the rows, and what records that
 * these don't include have made of them.
 */
export function namedSnapshots(copied: CopiedRecords): SnapshotBody[] {
  const { catalog } = copied;
  const found = new Map<number, SnapshotBody>();
  for (const row of catalog.snapshots(0, Number.MAX_SAFE_INTEGER)) found.set(row.streamId, row);
  forEachRecord(copied, (record, lsn) => {
    if (record.kind === "delete") {
      for (const id of record.ids) if (isNew(catalog, id, lsn)) found.delete(id);
    } else if (record.kind === "snapshot" && isNew(catalog, record.id, lsn)) {
      const { id, snapshot } = record;
      if (snapshot === undefined) found.delete(id);
      else found.set(id, { ...snapshot, streamId: id });
    }
  });
  return [...found.values()];
}

/**
 * Copies a body, or shares it: it never changes. What is copied is checked on its way.
 *
 * @returns what is damaged; `undefined` where nothing is
 * @throws {FileSystemError} where it can't be written
 */
export async function copySnapshot(
  source: SnapshotSource,
  { target, earlier, mayShare }: SnapshotTarget,
  throttle: BackupThrottle,
): Promise<string | undefined> {
  const { fileSystem, body } = source;
  const { streamId, number, bytes } = body;
  const name = snapshotPath("snapshots", streamId, number);
  for (const { segments } of earlier) {
    const copy = { fileSystem, snapshots: join(dirname(segments), "snapshots"), body };
    if (await checkSnapshotFile(copy, throttle) !== undefined) continue;
    if (target.link(name, snapshotPath(copy.snapshots, streamId, number))) return undefined;
  }
  return await withBody(source, async (file) => {
    const isLinked = mayShare && target.link(name, file.path);
    const out = isLinked ? undefined : await target.create(name, bytes);
    return await checkContent(file, body, out, throttle);
  });
}

/**
 * Reads all of a body and checks it.
 *
 * @returns what is damaged; `undefined` where nothing is
 */
export async function checkSnapshotFile(
  source: SnapshotSource,
  throttle: BackupThrottle,
): Promise<string | undefined> {
  return await withBody(source, (file) => checkContent(file, source.body, undefined, throttle));
}

function withBody(
  { fileSystem, snapshots, body: { streamId, number } }: SnapshotSource,
  use: (file: File) => Promise<string | undefined>,
): Promise<string | undefined> {
  return withFile(fileSystem, snapshotPath(snapshots, streamId, number), use);
}

async function checkContent(
  file: File,
  { bytes, crc32 }: SnapshotBody,
  out: TargetFile | undefined,
  throttle: BackupThrottle,
): Promise<string | undefined> {
  let found = 0;
  try {
    for await (const chunk of chunksOf(file, 0, bytes)) {
      found = checksum(chunk, found);
      await out?.write(chunk);
      await throttle.spend(chunk.length);
    }
  } finally {
    await out?.end();
  }
  if (file.size() !== bytes) return `${file.path}: expected ${bytes} bytes, found ${file.size()}`;
  return found === crc32 ? undefined : `${file.path}: it fails its checksum`;
}
