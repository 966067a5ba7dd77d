import type { DatabaseSync } from "node:sqlite";
import type { FileSystem } from "../../../../env/file_system.ts";
import { DirectoryError } from "../../directory/damage.ts";
import { checkVersion, isBackup } from "../../directory/directory.ts";
import { lockDirectory } from "../../directory/lock.ts";
import { directoryPaths } from "../../directory/paths.ts";
import {
  checkCatalogHeader,
  checkPages,
  checkSchema,
  checkState,
  sqliteFailure,
} from "./catalog.ts";
import { checkCompacted } from "./compacted_segments.ts";
import { leftOverFiles } from "./left_over_files.ts";
import { checkLog } from "./log.ts";
import { LoggedStreams } from "./logged_streams.ts";
import { LoggedSubscriptions } from "./logged_subscriptions.ts";
import { checkRows, rowStates } from "./rows.ts";
import { type CheckCounts, type CheckScope, countFile } from "./scope.ts";
import { checkSnapshots } from "./snapshots.ts";
import { checkSubscriptionRows, subscriptionLsns } from "./subscription_rows.ts";
import { withWindow } from "../../directory/file_window.ts";
import { type Finding, type Found, isFinding } from "./finding.ts";
import { openReadOnlyCatalog } from "../scan/read_only_catalog.ts";
import { isSqliteError } from "../scan/table_rows.ts";
import { isThere, readFormatIfWhole } from "../scan/format.ts";

const PARTS = ["FORMAT", "catalog.sqlite", "wal", "segments"];

/** The results of a check, and how much it read. */
export interface CheckReport {
  readonly found: readonly Found[];
  readonly counts: Readonly<CheckCounts>;
}

/**
 * Reads every byte of a directory that no server is using, and changes none but in LOCK.
 *
 * @throws {DirectoryError} `in_use`; `empty` where there is nothing; `foreign` where it isn't ours;
 * `unknown_version`
 */
export function checkDirectory(
  { fileSystem, dir }: { fileSystem: FileSystem; dir: string },
): CheckReport {
  const paths = directoryPaths(dir);
  requireOwnDirectory({ fileSystem, paths });
  const lock = lockDirectory(paths.lock);
  try {
    return checkLocked({ fileSystem, paths });
  } finally {
    lock.release();
  }
}

/**
 * Makes sure that a directory is one of ours.
 *
 * @throws {DirectoryError} `empty` or `foreign`
 */
export function requireOwnDirectory(
  { fileSystem, paths }: Pick<CheckScope, "fileSystem" | "paths">,
) {
  const names = fileSystem.list(paths.root) ?? [];
  if (names.length === 0) {
    const message = "the directory is missing or empty; name one that a server made";
    throw new DirectoryError("empty", paths.root, message);
  }
  if (names.includes("BACKUP") && !names.includes("FORMAT")) throw isBackup(paths.root);
  if (names.some((name) => PARTS.includes(name))) return;
  const message = `this is no directory of ours: it has none of ${PARTS.join(", ")}`;
  throw new DirectoryError("foreign", paths.root, message);
}

/** All damage of a directory. The caller holds the lock, and nothing else has the catalogue open. */
export function findingsOf(scope: Pick<CheckScope, "fileSystem" | "paths">): Finding[] {
  return checkLocked(scope).found.filter(isFinding);
}

function checkLocked(
  { fileSystem, paths }: Pick<CheckScope, "fileSystem" | "paths">,
): CheckReport {
  const counts = { files: 0, bytes: 0, streams: 0 };
  const scope = { fileSystem, paths, counts };
  const found: Found[] = [];
  const take = (each: Iterable<Found>) => {
    for (const one of each) found.push(one);
  };
  const format = readFormatIfWhole(fileSystem, paths);
  if (format === undefined) found.push(formatFinding(paths.format));
  else checkVersion(paths, format);
  for (const path of [paths.log, paths.segments, paths.catalog]) {
    if (!isThere(fileSystem, path)) found.push(missingFinding(path));
  }
  if (!isThere(fileSystem, paths.catalog)) {
    take(checkLog(scope, { uuid: format?.uuid, lsn: undefined }, () => []));
    return { found, counts };
  }
  withWindow(fileSystem, paths.catalog, (window) => {
    countFile(scope, window.sizeBytes);
    take(checkCatalogHeader(window, paths.catalog));
  });
  try {
    const { database, close } = openReadOnlyCatalog(fileSystem, paths.catalog);
    try {
      take(checkCatalog(scope, database, format?.uuid));
    } finally {
      close();
    }
  } catch (error) {
    if (!isSqliteError(error)) throw error;
    found.push(sqliteFailure(paths.catalog, error));
  }
  return { found, counts };
}

function* checkCatalog(
  scope: CheckScope,
  database: DatabaseSync,
  uuid: string | undefined,
): Generator<Found> {
  const { catalog } = scope.paths;
  yield* checkPages(database, catalog);
  yield* checkSchema(database, catalog);
  const state = yield* checkState(database, catalog, uuid);
  const subscriptions = new LoggedSubscriptions(subscriptionLsns(database));
  const logged = new LoggedStreams(rowStates(database), subscriptions);
  const frame = { uuid: uuid ?? state?.uuid, lsn: state?.lsn };
  const logExtent = yield* checkLog(scope, frame, (record) => takeRecord(logged, record, frame));
  yield* logged.finish();
  scope.counts.streams += logged.countBeyondRows;
  yield* checkRows(scope, database, { uuid: frame.uuid, logged, logExtent });
  yield* checkCompacted(scope, { logged, uuid: frame.uuid });
  yield* checkSubscriptionRows(scope, database, { logged, logExtent });
  yield* checkSnapshots(scope, database, { logged, rowOf: rowStates(database) });
  yield* leftOverFiles(scope, database, logged);
}

/** A record that the catalogue holds needn't fit any more: its streams may be deleted by now. */
function* takeRecord(
  logged: LoggedStreams,
  record: Parameters<LoggedStreams["add"]>[0],
  { lsn = 0 }: { lsn: number | undefined },
): Generator<Found> {
  if (record.lsn > lsn) yield* logged.add(record);
}

function formatFinding(path: string): Finding {
  return {
    kind: "format",
    path,
    position: 0,
    message: "FORMAT is missing or fails its checksum",
    expected: "our format's text with its CRC-32",
    found: "something else, or nothing",
  };
}

function missingFinding(path: string): Finding {
  return {
    kind: "part_missing",
    path,
    position: 0,
    message: "a part of the directory is missing",
    expected: "it to be there",
    found: "nothing",
  };
}
