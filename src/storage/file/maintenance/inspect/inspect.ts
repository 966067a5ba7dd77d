import { basename, join } from "node:path";
import { type FileSystem, FileSystemError } from "../../../../env/file_system.ts";
import { decodeUtf8 } from "../../../../protocol/bytes.ts";
import { isRecycledName, PREALLOCATING_NAME } from "../../wal/files.ts";
import { parseSegmentName, parseSnapshotName } from "../../directory/paths.ts";
import { type FileWindow, itemsOfWindow } from "../../directory/file_window.ts";
import { isThere } from "../scan/format.ts";
import { inspectCatalog } from "./catalog.ts";
import { inspectFormat } from "./format.ts";
import { inspectIndex } from "./segment_index.ts";
import { inspectLog, inspectRecycled } from "./log.ts";
import { inspectBareSegment, inspectSegment } from "./segment.ts";
import { bytesText, type Item } from "./item.ts";

const MAGIC_BYTES = 32;
const LISTED_FILES = 20;
/** So much of a snapshot's body is looked at for its beginning. */
const SHOWN_BYTES = 256;

type FileKind = "log" | "recycled" | "index" | "segment" | "snapshot" | "format" | "catalog";

const KINDS_BY_NAME: readonly (readonly [FileKind, (name: string) => boolean])[] = [
  ["log", (name) => name.endsWith(".wal")],
  ["recycled", (name) => isRecycledName(name) || name === PREALLOCATING_NAME],
  ["index", (name) => name.endsWith(".idx")],
  ["segment", (name) => name.endsWith(".log")],
  ["snapshot", (name) => name.endsWith(".snap")],
  ["format", (name) => /^FORMAT(\.new)?$/.test(name)],
  ["catalog", (name) => name.endsWith(".sqlite")],
];

const KINDS_BY_MAGIC: readonly (readonly [FileKind, string])[] = [
  ["log", "DSWAL\0\0\x01"],
  ["index", "DSIDX\0\0\x02"],
  ["format", "durable-streams directory\n"],
  ["catalog", "SQLite format 3\0"],
];

/** A path of which nothing can be shown: there is no such file, it is a folder, or no file of ours. */
export class InspectError extends Error {
  override readonly name = "InspectError";
  readonly code: "missing" | "folder" | "foreign";

  constructor(code: InspectError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The parts of a file of the format, in the order of the file; damaged ones are named, and the reading
 * continues after them. Its name says what kind of file it is, else its first bytes do.
 *
 * @throws {InspectError}
 * @throws {DirectoryError} `in_use`: the catalogue of a directory that a server holds
 * @throws {FileSystemError}
 */
export function* inspectFile(fileSystem: FileSystem, path: string): Generator<Item> {
  requireFile(fileSystem, path);
  const kind = kindByName(path) ?? kindByMagic(fileSystem, path);
  if (kind === "catalog") {
    yield* inspectCatalog(fileSystem, path);
  } else if (kind === "segment") {
    yield* inspectSegmentFile(fileSystem, path);
  } else {
    const inspect = {
      log: inspectLog,
      recycled: inspectRecycled,
      index: inspectIndex,
      snapshot: inspectSnapshot,
      format: inspectFormat,
    };
    yield* itemsOfWindow(fileSystem, path, (window) => inspect[kind](window, path));
  }
}

function kindByName(path: string): FileKind | undefined {
  const name = basename(path);
  if (name === "ballast") {
    throw new InspectError("foreign", `${path} only takes up room, for a full disk`);
  }
  if (name === "LOCK") {
    throw new InspectError("foreign", `${path} holds the process that serves, and nothing else`);
  }
  return KINDS_BY_NAME.find(([, matches]) => matches(name))?.[0];
}

function kindByMagic(fileSystem: FileSystem, path: string): FileKind {
  const file = fileSystem.open(path, "read");
  let start: string;
  try {
    const bytes = new Uint8Array(MAGIC_BYTES);
    start = decodeUtf8(bytes.subarray(0, file.readSync(bytes, 0)));
  } finally {
    file.close();
  }
  const kind = KINDS_BY_MAGIC.find(([, magic]) => start.startsWith(magic))?.[0];
  if (kind !== undefined) return kind;
  throw new InspectError(
    "foreign",
    `${path} is none of ours, by its name and its first bytes; accepted: a .wal, .idx, .log, .snap ` +
      "or spare file, FORMAT, catalog.sqlite",
  );
}

function* inspectSegmentFile(fileSystem: FileSystem, path: string): Generator<Item> {
  const indexPath = path.replace(/\.log$/, ".idx");
  if (indexPath === path || !isThere(fileSystem, indexPath)) {
    const base = parseSegmentName(basename(path))?.base;
    yield* itemsOfWindow(fileSystem, path, (window) => inspectBareSegment(window, base));
    return;
  }
  yield* itemsOfWindow(
    fileSystem,
    path,
    (window) =>
      itemsOfWindow(fileSystem, indexPath, (index) => inspectSegment(window, index, indexPath)),
  );
}

function requireFile(fileSystem: FileSystem, path: string): void {
  const names = namesIn(fileSystem, path);
  if (names === undefined) {
    if (isThere(fileSystem, path)) return;
    throw new InspectError("missing", `there is no file ${path}`);
  }
  const files: string[] = [];
  for (const file of filesUnder(fileSystem, path)) {
    if (files.push(file) > LISTED_FILES) break;
  }
  const shown = files.slice(0, LISTED_FILES);
  const more = files.length > shown.length ? ", …" : "";
  throw new InspectError(
    "folder",
    shown.length === 0
      ? `${path} is a folder without a file of ours; name a file`
      : `${path} is a folder; name one of its files: ${shown.join(", ")}${more}`,
  );
}

/** The names in a folder, `undefined` where the path is something else. */
function namesIn(fileSystem: FileSystem, path: string): string[] | undefined {
  try {
    return fileSystem.list(path);
  } catch (error) {
    if (error instanceof FileSystemError) return undefined;
    throw error;
  }
}

function* filesUnder(fileSystem: FileSystem, folder: string): Generator<string> {
  for (const name of (namesIn(fileSystem, folder) ?? []).sort()) {
    const path = join(folder, name);
    if (KINDS_BY_NAME.some(([, matches]) => matches(name))) yield path;
    else if (namesIn(fileSystem, path) !== undefined) yield* filesUnder(fileSystem, path);
  }
}

/** A body has no header: its row, or its record, says what it is. */
function* inspectSnapshot(window: FileWindow, path: string): Generator<Item> {
  const bytes = window.sizeBytes;
  const found = parseSnapshotName(basename(path));
  yield {
    kind: "snapshot",
    position: 0,
    fields: {
      stream: found?.streamId,
      number: found?.number,
      bytes,
      crc32: window.checksum(0, bytes, 0),
      data: bytesText(window.bytes(0, Math.min(bytes, SHOWN_BYTES)), bytes),
    },
  };
}
