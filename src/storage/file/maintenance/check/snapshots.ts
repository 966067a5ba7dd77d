import type { DatabaseSync } from "node:sqlite";
import { FileSystemError } from "../../../../env/file_system.ts";
import type { LoggedSnapshot } from "../../../records.ts";
import { SNAPSHOT_COLUMNS, toSnapshotRow } from "../../catalog/snapshot_rows.ts";
import { type FileWindow, withWindow } from "../../directory/file_window.ts";
import { snapshotPath } from "../../directory/paths.ts";
import { asNumbers, wrongChecksum } from "../scan/table_rows.ts";
import { rowPages } from "../scan/row_pages.ts";
import { snapshotFiles } from "../scan/snapshot_files.ts";
import { rowFinding } from "./catalog.ts";
import type { AffectedStream, Finding, Found, Note } from "./finding.ts";
import type { LoggedStreams, RowState } from "./logged_streams.ts";
import { type CheckScope, countFile } from "./scope.ts";

/** What the snapshots are compared with. */
export interface SnapshotsFrame {
  readonly logged: LoggedStreams;
  readonly rowOf: (id: number) => RowState | undefined;
}

/** A snapshot that a stream has once the log is applied. */
interface FinalSnapshot {
  readonly snapshot: LoggedSnapshot;
  readonly stream: AffectedStream;
  readonly tail: number;
  /** What names it, for findings. */
  readonly path: string;
}

/**
 * Checks the rows of snapshots, those that the log leads to, and the bodies of these; bodies that nothing
 * names are left over.
 */
export function* checkSnapshots(
  scope: CheckScope,
  database: DatabaseSync,
  { logged, rowOf }: SnapshotsFrame,
): Generator<Found> {
  const { paths } = scope;
  /** By their streams and numbers: what a row or a record names, also where the log goes on from it. */
  const named = new Set<string>();
  const final = new Map<number, FinalSnapshot>();
  for (const row of rowPages(database, "snapshot", ["stream_id"])) {
    const id = Number(row.stream_id);
    const streamRow = rowOf(id);
    const stream = { id, name: streamRow?.name };
    named.add(keyOf(id, Number(row.number)));
    const wrong = wrongChecksum(row, SNAPSHOT_COLUMNS);
    if (wrong !== undefined) {
      const message = "a row of snapshot fails its checksum";
      yield { ...rowFinding("snapshot_row", paths.catalog, message, wrong), stream };
    } else if (streamRow === undefined) {
      const message = "a row of snapshot of a stream without a row";
      const what = { expected: `a row of stream ${id}`, found: "none" };
      yield { ...rowFinding("snapshot_row", paths.catalog, message, what), stream };
    } else {
      const snapshot = toSnapshotRow(asNumbers(row), paths.catalog);
      const tail = logged.get(id)?.tail ?? streamRow.tail;
      final.set(id, { snapshot, stream, tail, path: paths.catalog });
    }
  }
  for (const [id, { name, tail, isDeleted, snapshot, first }] of logged.all()) {
    if (snapshot !== undefined) final.delete(id);
    if (isDeleted || snapshot === undefined || snapshot === null) continue;
    named.add(keyOf(id, snapshot.number));
    final.set(id, { snapshot, stream: { id, name }, tail, path: first.path });
  }
  for (const [id, each] of final) {
    if (logged.get(id)?.isDeleted !== true) yield* checkOne(scope, each);
  }
  yield* leftOver(scope, named);
}

function keyOf(streamId: number, number: number): string {
  return `${streamId}/${number}`;
}

function* checkOne(
  scope: CheckScope,
  { snapshot, stream, tail, path }: FinalSnapshot,
): Generator<Finding> {
  if (snapshot.position > tail) {
    yield {
      ...rowFinding("snapshot_row", path, "a snapshot is of an offset past its stream's tail", {
        expected: `an offset up to ${tail}`,
        found: `${snapshot.position}`,
      }),
      stream,
    };
  }
  const file = snapshotPath(scope.paths.snapshots, stream.id, snapshot.number);
  const wrong = bodyFault(scope, file, snapshot);
  if (wrong === undefined) return;
  const kind = wrong.found === "nothing" ? "snapshot_missing" : "snapshot_body";
  yield { kind, path: file, position: 0, ...wrong, stream };
}

/** What is wrong with a body's file; `undefined` where nothing is. */
function bodyFault(
  scope: CheckScope,
  path: string,
  { bytes, crc32 }: LoggedSnapshot,
): Pick<Finding, "message" | "expected" | "found"> | undefined {
  try {
    return withWindow(scope.fileSystem, path, (window) => {
      countFile(scope, window.sizeBytes);
      return contentFault(window, bytes, crc32);
    });
  } catch (error) {
    if (!(error instanceof FileSystemError && error.kind === "not_found")) throw error;
    return {
      message: "a snapshot's file is missing",
      expected: "it to be there",
      found: "nothing",
    };
  }
}

function contentFault(
  window: FileWindow,
  bytes: number,
  crc32: number,
): Pick<Finding, "message" | "expected" | "found"> | undefined {
  if (window.sizeBytes !== bytes) {
    const message = "a snapshot's file has another length";
    return { message, expected: `${bytes} bytes`, found: `${window.sizeBytes}` };
  }
  const found = window.checksum(0, bytes, 0);
  if (found === crc32) return undefined;
  const message = "a snapshot fails its checksum";
  return { message, expected: `the CRC-32 ${crc32}`, found: `${found}` };
}

function* leftOver(
  { fileSystem, paths }: CheckScope,
  named: ReadonlySet<string>,
): Generator<Note> {
  for (const { path, snapshot } of snapshotFiles(fileSystem, paths.snapshots)) {
    if (snapshot !== undefined && named.has(keyOf(snapshot.streamId, snapshot.number))) continue;
    const message = "neither a row nor the log names this snapshot; the next start removes it";
    yield { kind: "left_over", path, position: 0, message };
  }
}
