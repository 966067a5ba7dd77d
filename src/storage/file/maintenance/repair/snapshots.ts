import type { Finding } from "../check/finding.ts";
import { isThere } from "../scan/format.ts";
import { CATALOG_TABLES, integerOf } from "../scan/table_rows.ts";
import type { RepairCatalog } from "./catalog.ts";
import type { RepairScope } from "./scope.ts";

/**
 * Lets go of snapshots whose bodies are damaged or missing, or which are ahead of their streams: those of
 * rows. One that only the log has stays, and is damaged, until another takes its place.
 *
 * @param findings of the check before
 */
export async function repairSnapshots(
  { fileSystem, paths, quarantine, report }: RepairScope,
  catalog: RepairCatalog,
  findings: readonly Finding[],
): Promise<void> {
  const { name } = CATALOG_TABLES.snapshot;
  const row = catalog.database.prepare(`SELECT number FROM ${name} WHERE stream_id = ?`);
  const damaged = findings.filter(({ kind, path, stream }) =>
    stream !== undefined && (/^snapshot_(?:missing|body)$/.test(kind) ||
      (kind === "snapshot_row" && path === paths.catalog)) &&
    row.get(stream.id) !== undefined
  );
  const ids = damaged.flatMap(({ stream }) => stream?.id ?? []);
  if (ids.length === 0) return;
  await catalog.edit((database) => {
    const remove = database.prepare(`DELETE FROM ${name} WHERE stream_id = ?`);
    for (const id of ids) remove.run(id);
  });
  for (const { path, message, stream } of damaged) {
    if (path !== paths.catalog && isThere(fileSystem, path)) await quarantine.moveAside(path);
    report({ outcome: "lost", path, message: `${message}: the snapshot is gone`, stream });
  }
}

/** The greatest number of a snapshot that a row has. */
export function greatestSnapshotNumber({ database }: Pick<RepairCatalog, "database">): number {
  return integerOf(
    database.prepare("SELECT max(number) AS greatest FROM snapshot").get()?.greatest,
  );
}
