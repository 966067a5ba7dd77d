import type { FileSystem } from "../../../../env/file_system.ts";
import { lockDirectory } from "../../directory/lock.ts";
import { directoryPaths } from "../../directory/paths.ts";
import { findingsOf, requireOwnDirectory } from "../check/check.ts";
import type { Finding } from "../check/finding.ts";
import {
  catalogUuid,
  finishRebuild,
  openCatalog,
  rebuildCatalog,
  type RepairCatalog,
} from "./catalog.ts";
import { partUuids, repairFormat } from "./format.ts";
import { isThere, readFormatIfWhole } from "../scan/format.ts";
import { repairIndexes } from "./indexes.ts";
import { repairMessageCounts } from "./message_counts.ts";
import { Quarantine } from "../../directory/quarantine.ts";
import { repairLog } from "./log.ts";
import { firstLogged } from "./log_files.ts";
import type { RepairAction, RepairReport } from "./report.ts";
import type { RepairScope } from "./scope.ts";
import { repairSnapshots } from "./snapshots.ts";
import { moveOrphans, nextFileId } from "./orphan_files.ts";

/** Options of {@link repairDirectory}. */
export interface RepairOptions {
  readonly fileSystem: FileSystem;
  readonly dir: string;
  /** Only report what would be done. */
  readonly isDryRun: boolean;
  /** The time, in ms since 1970: it names the folder of the originals. */
  readonly nowMs: number;
}

/**
 * Repairs as much as possible of a directory that no server is using, and reports the data loss. The
 * original of each file that it changes or removes is kept in a folder `damaged-TIME` in the directory.
 *
 * @throws {DirectoryError} `in_use`; `empty` where there is nothing; `foreign` where it isn't ours;
 * `unknown_version`
 */
export async function repairDirectory(options: RepairOptions): Promise<RepairReport> {
  const { fileSystem, dir, isDryRun, nowMs } = options;
  const paths = directoryPaths(dir);
  requireOwnDirectory({ fileSystem, paths });
  const lock = lockDirectory(paths.lock);
  try {
    const actions: RepairAction[] = [];
    const quarantine = new Quarantine(fileSystem, dir, nowMs, isDryRun);
    const scope = {
      fileSystem,
      paths,
      quarantine,
      nowMs,
      report: (action: RepairAction) => actions.push(action),
    };
    const before = findingsOf(scope);
    const isRepairable = before.length === 0 || await repairParts(scope, before);
    const left = !isRepairable ? before : isDryRun ? [] : findingsOf(scope);
    return { before, actions, left, keptIn: quarantine.folder };
  } finally {
    lock.release();
  }
}

/** False where nothing can be done and nothing was. */
async function repairParts(scope: RepairScope, before: readonly Finding[]): Promise<boolean> {
  const { fileSystem, paths, quarantine } = scope;
  await finishRebuild(scope);
  if (!isThere(fileSystem, paths.catalog)) return false;
  const uuid = chooseUuid(scope);
  if (uuid === undefined) return false;
  if (!isThere(fileSystem, paths.segments) && !quarantine.isDryRun) {
    fileSystem.makeDirectory(paths.segments);
    await fileSystem.syncDirectory(paths.root);
  }
  const catalog = await catalogFor(scope, before, uuid);
  if (catalog === undefined) return false;
  try {
    const { lostId, lsn } = await repairLog(scope, catalog);
    await catalog.raiseState(lostId, lsn);
    await repairIndexes(scope, catalog);
    await repairMessageCounts(scope, catalog);
    await repairSnapshots(scope, catalog, before);
    await moveOrphans(scope, catalog);
  } finally {
    catalog.close();
  }
  await repairFormat(scope, uuid);
  return true;
}

async function catalogFor(
  scope: RepairScope,
  before: readonly Finding[],
  uuid: string,
): Promise<RepairCatalog | undefined> {
  const isDamaged = before.some(({ kind }) => /^catalog_|_row$/.test(kind));
  if (!isDamaged && catalogUuid(scope) === uuid) return openCatalog(scope);
  return await rebuildCatalog(scope, {
    uuid,
    firstLogged: firstLogged(scope),
    nextFileId: nextFileId(scope),
  });
}

/**
 * The directory's UUID: the one that two of FORMAT, the catalogue and the other parts agree on, or the
 * only one that is left.
 */
function chooseUuid(scope: RepairScope): string | undefined {
  const format = readFormatIfWhole(scope.fileSystem, scope.paths);
  const catalog = catalogUuid(scope);
  const parts = partUuids(scope);
  const claims = [catalog, format?.uuid].filter((uuid) => uuid !== undefined);
  const [claim = [...parts].toSorted((a, b) => b[1] - a[1])[0]?.[0], other] = claims;
  if (claim === undefined || other === claim || (claims.length < 2 && parts.size === 0)) {
    return claim;
  }
  const agreed = claims.find((uuid) => parts.has(uuid));
  if (agreed !== undefined || claims.length > 0) return agreed;
  return claim;
}
