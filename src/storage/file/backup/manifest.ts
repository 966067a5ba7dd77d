import { type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import { decodeUtf8, encodeUtf8 } from "../../../protocol/bytes.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { checksum } from "../directory/checksum.ts";
import { parseLogFileName } from "../wal/format.ts";

/** A log file of a backup. */
export interface ManifestLogFile {
  readonly name: string;
  /** How much of it is the log: behind that are zeros, or nothing. */
  readonly usedBytes: number;
  /** How long the file is, as its header says. */
  readonly sizeBytes: number;
}

/** What a backup says of itself, written last: what has none is no backup. */
export interface BackupManifest {
  /** The version of the directory's format. */
  readonly formatVersion: number;
  /** The directory's. */
  readonly uuid: string;
  /** Everything that was acknowledged before this time is in it. */
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  /** The moment: all records up to this one are in it, and none that came later. */
  readonly lsn: number;
  readonly streams: number;
  readonly segments: number;
  /** Of segments and their indexes. */
  readonly segmentBytes: number;
  /** How many blocks of streams without segments its catalogue has; format version 5 had none. */
  readonly blocks?: number;
  readonly snapshots: number;
  /** Of their bodies. */
  readonly snapshotBytes: number;
  readonly catalogBytes: number;
  readonly catalogChecksum: number;
  readonly log: readonly ManifestLogFile[];
  /** The CRC-32 of the keys of webhooks; undefined where there are none. */
  readonly secretsChecksum?: number;
  /** What was damaged in the directory, and is so in the backup: the first of it. */
  readonly damaged: readonly string[];
  readonly damagedCount: number;
}

/** A manifest is far shorter. */
const LIMIT_BYTES = 1024 * 1024;
const MAX_DAMAGED_LISTED = 100;
const NUMBERS: readonly (keyof BackupManifest)[] = [
  "formatVersion",
  "beganAtMs",
  "endedAtMs",
  "lsn",
  "streams",
  "segments",
  "segmentBytes",
  "snapshots",
  "snapshotBytes",
  "catalogBytes",
  "catalogChecksum",
  "damagedCount",
];
const FIRST_LINE = "durable-streams backup, version 1";

/** The file: a line that says what it is, an object, and the CRC-32 of both. */
export function encodeManifest(manifest: BackupManifest): Bytes {
  const damaged = manifest.damaged.slice(0, MAX_DAMAGED_LISTED);
  const body = `${FIRST_LINE}\n${JSON.stringify({ ...manifest, damaged }, null, 1)}\n`;
  return encodeUtf8(`${body}crc32 ${checksum(body).toString(16).padStart(8, "0")}\n`);
}

/** What a manifest says; `undefined` where it isn't one or fails its checksum. */
export function decodeManifest(bytes: Bytes): BackupManifest | undefined {
  const match = /^([^]*\n)crc32 ([0-9a-f]{8})\n$/.exec(decodeUtf8(bytes));
  const body = match?.[1] ?? "";
  if (!body.startsWith(`${FIRST_LINE}\n`) || checksum(body) !== parseInt(match?.[2] ?? "", 16)) {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(body.slice(FIRST_LINE.length));
    return isManifest(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A checksum says that nothing was damaged, and not who wrote it: a stream of bytes may come from
 * anywhere, and a log file's name is where a restore writes.
 */
function isManifest(value: unknown): value is BackupManifest {
  if (typeof value !== "object" || value === null) return false;
  const found: ReadonlyMap<string, unknown> = new Map(Object.entries(value));
  const [log, damaged] = [found.get("log"), found.get("damaged")];
  return NUMBERS.every((name) => isCount(found.get(name))) &&
    isCount(found.get("blocks") ?? 0) && isCount(found.get("secretsChecksum") ?? 0) &&
    typeof found.get("uuid") === "string" &&
    Array.isArray(damaged) && damaged.every((text) => typeof text === "string") &&
    Array.isArray(log) && log.every(isLogFile);
}

function isLogFile(value: unknown): value is ManifestLogFile {
  return typeof value === "object" && value !== null &&
    "name" in value && typeof value.name === "string" &&
    parseLogFileName(value.name) !== undefined &&
    "usedBytes" in value && isCount(value.usedBytes) &&
    "sizeBytes" in value && isCount(value.sizeBytes);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The manifest in a file; `undefined` where there is none that is whole. */
export function readManifest(fileSystem: FileSystem, path: string): BackupManifest | undefined {
  const bytes = readWhole(fileSystem, path, LIMIT_BYTES);
  return bytes && decodeManifest(bytes);
}

/** A short file's bytes; `undefined` where it isn't there. */
export function readWhole(
  fileSystem: FileSystem,
  path: string,
  limitBytes = LIMIT_BYTES,
): Bytes | undefined {
  try {
    const file = fileSystem.open(path, "read");
    try {
      const bytes = new Uint8Array(Math.min(limitBytes, file.size()));
      return bytes.subarray(0, file.readSync(bytes, 0));
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof FileSystemError && error.kind === "not_found") return undefined;
    throw error;
  }
}
