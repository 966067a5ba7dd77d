import { encodeFormat, FORMAT_VERSION } from "../../directory/format_file.ts";
import { decodeIndexHeader, INDEX_HEADER_BYTES } from "../../segments/index_format.ts";
import { decodeLogHeader, LOG_HEADER_BYTES } from "../../wal/format.ts";
import { logFileNames } from "../../wal/reader.ts";
import { segmentFiles } from "../scan/segment_files.ts";
import { join } from "node:path";
import { withWindow } from "../../directory/file_window.ts";
import { readFormatIfWhole } from "../scan/format.ts";
import type { RepairScope } from "./scope.ts";

/** So many indexes are read for the directory's UUID. */
const READ_INDEXES = 16;

/** The UUIDs that the headers of the log and of some indexes name, with how many do. */
export function partUuids({ fileSystem, paths }: RepairScope): Map<string, number> {
  const found = new Map<string, number>();
  const add = (uuid: string | undefined) => {
    if (uuid !== undefined) found.set(uuid, (found.get(uuid) ?? 0) + 1);
  };
  for (const name of logFileNames(fileSystem, paths.log)) {
    withWindow(fileSystem, join(paths.log, name), (window) => {
      add(decodeLogHeader(window.bytes(0, LOG_HEADER_BYTES))?.uuid);
    });
  }
  let read = 0;
  for (const { path } of segmentFiles(fileSystem, paths.segments)) {
    if (!path.endsWith(".idx")) continue;
    if (read++ >= READ_INDEXES) break;
    withWindow(fileSystem, path, (window) => {
      add(decodeIndexHeader(window.bytes(0, INDEX_HEADER_BYTES))?.uuid);
    });
  }
  return found;
}

/** Writes FORMAT again where it doesn't have this UUID. */
export async function repairFormat(scope: RepairScope, uuid: string): Promise<void> {
  const { paths, quarantine } = scope;
  if (readFormatIfWhole(scope.fileSystem, paths)?.uuid === uuid) return;
  const bytes = encodeFormat({ version: FORMAT_VERSION, uuid });
  await quarantine.replace(paths.format, [{ bytes, filePosition: 0 }]);
  const message = `written anew with the directory's UUID, ${uuid}`;
  scope.report({ outcome: "repaired", path: paths.format, message });
}
