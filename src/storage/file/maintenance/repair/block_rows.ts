import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { toBlockRow } from "../../catalog/block_rows.ts";
import type { BlockRow } from "../../catalog/catalog.ts";
import { segmentValues } from "../../catalog/schema.ts";
import { checksum } from "../../directory/checksum.ts";
import { segmentFolder, segmentPaths } from "../../directory/paths.ts";
import type { FilePart } from "../../directory/quarantine.ts";
import {
  encodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  putIndexEntry,
} from "../../segments/index_format.ts";
import { asNumbers, integerOf, textOf } from "../scan/table_rows.ts";
import type { RepairScope } from "./scope.ts";

/** Blocks that follow each other, one at least. */
type Run = [BlockRow, ...BlockRow[]];

/** A stream whose blocks are looked at. */
interface OwnerOfBlocks {
  readonly id: number;
  readonly name: string | undefined;
  /** Where its blocks have to end. */
  readonly end: number;
}

/**
 * Moves the blocks of streams that have lost some of them to segments, each run to one: a server takes a
 * stream's blocks in the catalogue for one run up to what is in the stream's row, and bytes that are missing
 * between segments are found damaged and stop nothing else.
 *
 * @param uuid the directory's
 */
export async function repairBlockRows(
  scope: RepairScope,
  database: DatabaseSync,
  uuid: string,
): Promise<void> {
  const owners = database.prepare(
    "SELECT id, name, tail - length(rest) AS end FROM stream " +
      "WHERE EXISTS (SELECT 1 FROM block WHERE stream_id = id) ORDER BY id",
  );
  const blocks = database.prepare("SELECT * FROM block WHERE stream_id = ? ORDER BY base");
  blocks.setReadBigInts(true);
  for (const row of owners.all()) {
    const owner = { id: integerOf(row.id), name: textOf(row.name), end: integerOf(row.end) };
    const rows = blocks.all(owner.id).map((each) =>
      toBlockRow(asNumbers(each), scope.paths.catalog)
    );
    const runs = runsOf(rows);
    if (runs.length === 1 && runs[0]?.length === rows.length && endOf(runs[0]) === owner.end) {
      continue;
    }
    for (const run of runs) await moveRun(scope, database, { uuid, owner, run });
    reportDropped(scope, owner, rows.length - runs.flat().length);
    database.prepare("DELETE FROM block WHERE stream_id = ?").run(owner.id);
  }
}

/** Reports blocks that check and can't be right: no program of ours has written them so. */
function reportDropped(
  { paths, report }: RepairScope,
  { id, name }: OwnerOfBlocks,
  count: number,
): void {
  if (count === 0) return;
  const message =
    `${count} blocks of it in the catalogue overlap others or aren't as long as they say`;
  report({ outcome: "lost", path: paths.catalog, message, stream: { id, name } });
}

/** The blocks that are as long as they say and don't overlap, in runs. */
function runsOf(rows: readonly BlockRow[]): Run[] {
  const runs: Run[] = [];
  for (const row of rows) {
    const run = runs.at(-1);
    const end = run === undefined ? 0 : endOf(run);
    if (!isSound(row) || row.base < end) continue;
    if (run !== undefined && row.base === end) run.push(row);
    else runs.push([row]);
  }
  return runs;
}

function isSound({ base, end, atMs, messages, body }: BlockRow): boolean {
  const isSafe = [base, end, atMs, messages].every((value) =>
    Number.isSafeInteger(value) && value >= 0
  );
  return isSafe && end > base && end - base === body.length;
}

function endOf(run: Run): number {
  return run.at(-1)?.end ?? run[0].end;
}

async function moveRun(
  { fileSystem, paths, quarantine, report }: RepairScope,
  database: DatabaseSync,
  { uuid, owner, run }: { uuid: string; owner: OwnerOfBlocks; run: Run },
): Promise<void> {
  const { id, name } = owner;
  const { base } = run[0];
  const end = endOf(run);
  const { log, index } = segmentPaths(paths.segments, id, base);
  const folder = segmentFolder(paths.segments, id);
  if (!quarantine.isDryRun && fileSystem.list(folder) === undefined) {
    fileSystem.makeDirectory(folder);
    await fileSystem.syncDirectory(paths.segments);
  }
  await quarantine.replace(
    log,
    run.map((block) => ({ bytes: block.body, filePosition: block.base - base })),
  );
  await quarantine.replace(index, indexParts(uuid, id, run));
  const row = { streamId: id, base, bytes: end - base, blocks: run.length, end, generation: 0 };
  database.prepare("INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)")
    .run(...segmentValues(row));
  report({
    outcome: "repaired",
    path: log,
    message: "a segment was made of blocks in the catalogue, beside which others are missing",
    stream: { id, name },
    range: { from: base, to: end },
  });
}

function* indexParts(uuid: string, streamId: number, run: Run): Generator<FilePart> {
  const { base } = run[0];
  yield { bytes: encodeIndexHeader({ uuid, streamId, base }), filePosition: 0 };
  for (const [i, { base: start, end, atMs, messages, body }] of run.entries()) {
    const bytes = new Uint8Array(INDEX_ENTRY_BYTES);
    const filePosition = start - base;
    putIndexEntry(bytes, 0, { end, filePosition, atMs, messages, checksum: checksum(body) });
    yield { bytes, filePosition: INDEX_HEADER_BYTES + i * INDEX_ENTRY_BYTES };
  }
}

/** Offset after a stream's blocks in the catalogue, and how many messages there are up to there. */
export interface BlocksEnd {
  readonly end: number;
  readonly messages: number;
}

/** Looks up where the blocks of streams end; `undefined` of one that has none. */
export function blocksEnds(database: DatabaseSync): (streamId: number) => BlocksEnd | undefined {
  const last = database.prepare(
    'SELECT "end", messages FROM block WHERE stream_id = ? ORDER BY base DESC LIMIT 1',
  );
  return (streamId) => {
    const row: Record<string, SQLOutputValue> | undefined = last.get(streamId);
    return row && { end: integerOf(row.end), messages: integerOf(row.messages) };
  };
}
