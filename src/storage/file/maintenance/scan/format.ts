import { basename, dirname } from "node:path";
import type { FileSystem } from "../../../../env/file_system.ts";
import { withWindow } from "../../directory/file_window.ts";
import {
  decodeFormat,
  type DirectoryFormat,
  FORMAT_LIMIT_BYTES,
} from "../../directory/format_file.ts";
import type { DirectoryPaths } from "../../directory/paths.ts";

/** What FORMAT holds, `undefined` where it is missing or damaged. */
export function readFormatIfWhole(
  fileSystem: FileSystem,
  { format }: DirectoryPaths,
): DirectoryFormat | undefined {
  if (!isThere(fileSystem, format)) return undefined;
  return withWindow(
    fileSystem,
    format,
    (window) => decodeFormat(window.bytes(0, FORMAT_LIMIT_BYTES)),
  );
}

/** Whether there is a file of this name. */
export function isThere(fileSystem: FileSystem, path: string): boolean {
  return fileSystem.list(dirname(path))?.includes(basename(path)) ?? false;
}
