import { basename, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { FileSystem } from "../../../env/file_system.ts";
import { Quarantine, QUARANTINE_PREFIX } from "../directory/quarantine.ts";

const logger = getLogger(["durable-streams", "storage"]);

/**
 * Keeps copies of log files whose records of damaged streams are applied nowhere: the log goes on without
 * them. One that an earlier start has kept is kept already.
 */
export async function quarantineLogFiles(
  fileSystem: FileSystem,
  root: string,
  paths: readonly string[],
  nowMs: number,
): Promise<void> {
  const folders = (fileSystem.list(root) ?? []).filter((name) =>
    name.startsWith(QUARANTINE_PREFIX)
  );
  const kept = new Set(folders.flatMap((name) => fileSystem.list(join(root, name, "wal")) ?? []));
  const quarantine = new Quarantine(fileSystem, root, nowMs, false);
  for (const path of paths) if (!kept.has(basename(path))) await quarantine.addCopy(path);
  if (quarantine.folder === undefined) return;
  logger.error("The log's records of damaged streams are kept in {folder}.", {
    folder: quarantine.folder,
  });
}
