import { dirname } from "node:path";
import { type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import { withWindow } from "./file_window.ts";
import { damagedDirectory, DirectoryError, REPAIR_ADVICE } from "./damage.ts";
import {
  CONVERTED_VERSIONS,
  decodeFormat,
  type DirectoryFormat,
  encodeFormat,
  FORMAT_LIMIT_BYTES,
  FORMAT_VERSION,
} from "./format_file.ts";
import type { DirectoryPaths } from "./paths.ts";

/** The names in a directory that is being made; FORMAT comes last. */
const OURS =
  /^(?:LOCK|LOCK-journal|catalog\.sqlite(?:-wal|-shm|-journal)?|wal|segments|ballast|FORMAT\.new)$/;
/** Names that a file system puts into its own root. */
const SYSTEM = new Set(["lost+found"]);

/** The state of a directory that can be opened. */
export type FoundDirectory = "ours" | "new";

/**
 * Finds out whether a directory is one of ours, or may become one; makes it where it is missing.
 *
 * @param mustExist a missing or empty one is an error: it may be the mount that is missing
 * @throws {DirectoryError} `empty`, `foreign`, `not_writable`
 */
export function inspectDirectory(
  fileSystem: FileSystem,
  paths: DirectoryPaths,
  mustExist: boolean,
): FoundDirectory {
  const names = listRoot(fileSystem, paths.root)?.filter((name) => !SYSTEM.has(name));
  if (mustExist && !names?.includes("FORMAT")) {
    const found = names === undefined ? "missing" : names.length === 0 ? "empty" : "not ours";
    throw new DirectoryError(
      "empty",
      paths.root,
      `the directory is ${found}, and one with streams was asked for. Is something not mounted? ` +
        "Without --must-exist an empty one is made anew.",
    );
  }
  if (names === undefined) makeRoot(fileSystem, paths.root);
  requireWritable(fileSystem, paths.root);
  if (names?.includes("FORMAT")) return "ours";
  const foreign = names?.find((name) => !OURS.test(name));
  if (foreign === undefined) return "new";
  if (names?.includes("RESTORING")) {
    const message = "a restore to this directory has not ended. Run it again, to its end.";
    throw new DirectoryError("incomplete", paths.root, message);
  }
  if (names?.includes("BACKUP")) throw isBackup(paths.root);
  throw new DirectoryError(
    "foreign",
    paths.root,
    `the directory isn't empty and has no FORMAT file; it holds ${
      JSON.stringify(foreign)
    }. Name an ` +
      "empty or missing directory, or restore FORMAT if this one was ours.",
  );
}

/** The error for a directory that is a backup, in which nothing may be changed. */
export function isBackup(root: string): DirectoryError {
  return new DirectoryError(
    "foreign",
    root,
    "this is a backup, which shares files with others, and stays as it is. Make a directory of it: " +
      "durable-streams restore --from BACKUP --to DIR",
  );
}

function listRoot(fileSystem: FileSystem, root: string): string[] | undefined {
  try {
    return fileSystem.list(root);
  } catch (error) {
    if (!(error instanceof FileSystemError)) throw error;
    throw new DirectoryError(
      "foreign",
      root,
      `can't be listed (${error.message}). Name a directory, or one that will be made.`,
      { cause: error },
    );
  }
}

function makeRoot(fileSystem: FileSystem, root: string): void {
  try {
    fileSystem.makeDirectory(root);
  } catch (error) {
    if (error instanceof FileSystemError) throw notWritable(root, error);
    throw error;
  }
}

/**
 * Makes sure that files can be made in a directory, its locks to begin with.
 *
 * @throws {DirectoryError} `not_writable`
 */
export function requireWritable(fileSystem: FileSystem, root: string): void {
  if (!fileSystem.isWritable(root)) throw notWritable(root);
}

function notWritable(root: string, cause?: FileSystemError): DirectoryError {
  return new DirectoryError(
    "not_writable",
    root,
    `can't be written to${
      cause === undefined ? "" : ` (${cause.message})`
    }. Give this user the right ` +
      "to write there, or name another directory.",
    { cause },
  );
}

/**
 * Reads FORMAT, of this version or of one that is converted.
 *
 * @throws {DirectoryError} `damaged` or `unknown_version`
 */
export function readFormat(fileSystem: FileSystem, paths: DirectoryPaths): DirectoryFormat {
  const format = withWindow(
    fileSystem,
    paths.format,
    (window) => decodeFormat(window.bytes(0, FORMAT_LIMIT_BYTES)),
  );
  if (format === undefined) {
    throw damagedDirectory(
      {
        path: paths.format,
        filePosition: 0,
        expected: "our format's text",
        found: "something else",
      },
      REPAIR_ADVICE,
    );
  }
  if (!CONVERTED_VERSIONS.includes(format.version)) checkVersion(paths, format);
  return format;
}

/**
 * Checks that this program knows a directory's version.
 *
 * @throws {DirectoryError} `unknown_version`
 */
export function checkVersion(paths: DirectoryPaths, { version }: DirectoryFormat): void {
  if (version === FORMAT_VERSION) return;
  throw new DirectoryError(
    "unknown_version",
    paths.format,
    `the directory has format version ${version}, and this program reads version ${FORMAT_VERSION}. ` +
      (version > FORMAT_VERSION
        ? "A newer program wrote it: use that one. "
        : CONVERTED_VERSIONS.includes(version)
        ? "An older program wrote it: a server that starts on it makes it one of this version. "
        : "An older program wrote it: serve it with that one, and copy its streams to a new server. ") +
      'docs/MAINTENANCE.md says under "Formats" which program reads which version, and how to copy.',
  );
}

/**
 * Checks that a directory of ours has all its parts.
 *
 * @throws {DirectoryError} `incomplete`
 */
export function checkParts(fileSystem: FileSystem, paths: DirectoryPaths): void {
  const names = fileSystem.list(paths.root) ?? [];
  for (const part of ["wal", "segments", "catalog.sqlite"]) {
    if (names.includes(part)) continue;
    throw new DirectoryError("incomplete", paths.root, `${part} is missing. ${REPAIR_ADVICE}`);
  }
}

/**
 * Makes the directory's own name durable, and those above it: they may have been made just now, by this
 * process or by one that was killed. A folder that may not be opened was there before.
 */
export async function syncAbove(fileSystem: FileSystem, root: string): Promise<void> {
  for (let folder = dirname(root), below = root; folder !== below; folder = dirname(folder)) {
    below = folder;
    try {
      await fileSystem.syncDirectory(folder);
    } catch (error) {
      if (!(error instanceof FileSystemError && error.kind === "not_allowed")) throw error;
    }
  }
}

/** Writes FORMAT, which makes the directory one of ours. */
export async function writeFormat(
  fileSystem: FileSystem,
  paths: DirectoryPaths,
  uuid: string,
): Promise<void> {
  const path = `${paths.format}.new`;
  fileSystem.remove(path);
  const file = fileSystem.open(path, "create");
  try {
    file.writeSync(encodeFormat({ version: FORMAT_VERSION, uuid }), 0);
    await file.dataSync();
  } finally {
    file.close();
  }
  fileSystem.rename(path, paths.format);
  await fileSystem.syncDirectory(paths.root);
}
