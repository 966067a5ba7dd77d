import { decodeFormat, encodeFormat, FORMAT_VERSION } from "../../directory/format_file.ts";
import { decodeIndexHeader, INDEX_HEADER_BYTES } from "../../segments/index_format.ts";
import { decodeLogHeader, LOG_HEADER_BYTES, parseLogFileName } from "../../wal/format.ts";
import { basename, dirname, join } from "node:path";
import { withWindow } from "../scan/file_window.ts";
import type { RepairScope } from "./scope.ts";

const FORMAT_LIMIT_BYTES = 4096;
/** So many indexes are asked for the directory's UUID. */
const ASKED_INDEXES = 16;

/** What FORMAT says, `undefined` where it is missing or damaged. */
export async function readFormatUuid(
  { fileSystem, paths }: Pick<RepairScope, "fileSystem" | "paths">,
): Promise<{ uuid: string; version: number } | undefined> {
  if (!isThere({ fileSystem }, paths.format)) return undefined;
  return await withWindow(
    fileSystem,
    paths.format,
    (window) => decodeFormat(window.bytes(0, FORMAT_LIMIT_BYTES).slice()),
  );
}

/** The UUIDs that the headers of the log and of some indexes name, with how many do. */
export async function partUuids({ fileSystem, paths }: RepairScope): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const add = (uuid: string | undefined) => {
    if (uuid !== undefined) found.set(uuid, (found.get(uuid) ?? 0) + 1);
  };
  for (const name of fileSystem.list(paths.log) ?? []) {
    if (parseLogFileName(name) === undefined) continue;
    await withWindow(fileSystem, join(paths.log, name), (window) => {
      add(decodeLogHeader(window.bytes(0, LOG_HEADER_BYTES))?.uuid);
    });
  }
  let asked = 0;
  for (const folder of (fileSystem.list(paths.segments) ?? []).sort()) {
    for (const name of (fileSystem.list(join(paths.segments, folder)) ?? []).sort()) {
      if (!name.endsWith(".idx") || asked++ >= ASKED_INDEXES) continue;
      await withWindow(fileSystem, join(paths.segments, folder, name), (window) => {
        add(decodeIndexHeader(window.bytes(0, INDEX_HEADER_BYTES))?.uuid);
      });
    }
  }
  return found;
}

/** Writes FORMAT anew where it doesn't say this. */
export async function repairFormat(scope: RepairScope, uuid: string): Promise<void> {
  const { paths, quarantine } = scope;
  if ((await readFormatUuid(scope))?.uuid === uuid) return;
  const bytes = encodeFormat({ version: FORMAT_VERSION, uuid });
  await quarantine.replace(paths.format, [{ bytes, filePosition: 0 }]);
  const message = `written anew with the directory's UUID, ${uuid}`;
  scope.report({ outcome: "repaired", path: paths.format, message });
}

/** Whether there is a file of this name. */
export function isThere({ fileSystem }: Pick<RepairScope, "fileSystem">, path: string): boolean {
  return fileSystem.list(dirname(path))?.includes(basename(path)) ?? false;
}
