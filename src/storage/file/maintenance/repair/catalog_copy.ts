import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { type SqlRow, UPDATE_STATE } from "../../catalog/schema.ts";
import { CatalogDataLoss, nameOf } from "./catalog_data_loss.ts";
import { CATALOG_TABLES, foundRows, integerOf, textOf } from "../scan/table_rows.ts";
import { checkedValues } from "./row_values.ts";
import type { RepairScope } from "./scope.ts";
import { copySubscriptions } from "./subscription_copy.ts";

const {
  stream: STREAM,
  producer: PRODUCER,
  segment: SEGMENT,
  block: BLOCK,
  snapshot: SNAPSHOT,
  state: STATE,
} = CATALOG_TABLES;

/** The values for the row of `state` where it is damaged. */
export interface StateFallback {
  readonly uuid: string;
  /** The number of the log's first record, `undefined` where no log file has it. */
  readonly firstLogged: number | undefined;
  /** No stream's files have this id or a greater one. */
  readonly nextFileId: number;
}

/**
 * Copies the whole rows of a damaged catalogue into a new one, and reports the others.
 *
 * @param sink has our tables, empty but for a row of `state`
 */
export async function copyCatalog(
  scope: RepairScope,
  source: DatabaseSync,
  sink: DatabaseSync,
  fallback: StateFallback,
): Promise<void> {
  const dataLoss = new CatalogDataLoss(scope);
  sink.exec("BEGIN");
  const damaged = copyStreams(source, sink, dataLoss);
  keepSources(sink, damaged, dataLoss);
  copyOwned(source, sink, dataLoss);
  stretchSources(sink);
  copySubscriptions(source, sink, dataLoss);
  copyState(scope, source, sink, fallback);
  countProducers(sink, dataLoss);
  sink.exec("COMMIT");
  await dataLoss.write();
}

function copyStreams(
  source: DatabaseSync,
  sink: DatabaseSync,
  dataLoss: CatalogDataLoss,
): SqlRow[] {
  const damaged: SqlRow[] = [];
  const rows = foundRows(source, STREAM);
  let next = rows.next();
  for (; !next.done; next = rows.next()) {
    const { row, checks } = next.value;
    if (!checks || !insertStream(sink, row)) damaged.push(row);
  }
  if (!next.value) dataLoss.unread("stream");
  return damaged;
}

/** False where its id or name is there already. */
function insertStream(
  sink: DatabaseSync,
  row: Readonly<Record<string, SQLInputValue | undefined>>,
): boolean {
  const values = [...checkedValues(row, STREAM.columns), endOf(row), row.trims_at_ms ?? null];
  const marks = values.map(() => "?").join(", ");
  return Number(
    sink.prepare(`INSERT OR IGNORE INTO stream VALUES (${marks})`).run(...values).changes,
  ) === 1;
}

/** When a stream ends, as `ends_at_ms` has it. */
function endOf(row: Readonly<Record<string, SQLInputValue | undefined>>): SQLInputValue {
  const { ttl_seconds: ttl, touched_at_ms: touched, expires_at_ms: until } = row;
  if (ttl === null || ttl === undefined) return until ?? null;
  return BigInt(Number(touched)) + 1000n * BigInt(Number(ttl));
}

/** A stream that others are forks of stays for them, softly deleted, with what its segments and blocks hold. */
function keepSources(
  sink: DatabaseSync,
  damaged: readonly SqlRow[],
  dataLoss: CatalogDataLoss,
): void {
  const newest = integerOf(
    sink.prepare("SELECT max(position) AS newest FROM stream").get()?.newest,
  );
  const lost = new Map(damaged.map((row) => [integerOf(row.id), row]));
  const sources = sink.prepare(`
    SELECT source_id AS id, source_name AS name, content_type, max(fork_point) AS tail
    FROM stream WHERE source_id NOT IN (SELECT id FROM stream) GROUP BY source_id`).all();
  for (const { id, name, content_type, tail } of sources) {
    insertStream(sink, {
      id,
      name: `lost-${integerOf(id)}`,
      content_type,
      soft_deleted: 1,
      touched_at_ms: 0,
      closed: 1,
      producers: 0,
      position: newest,
      tail,
      messages: 0,
      last_at_ms: 0,
      earliest: 0,
      earliest_messages: 0,
      rest_messages: 0,
      rest: new Uint8Array(0),
    });
    dataLoss.stream(
      lost.get(integerOf(id)) ?? { id: id ?? null, name: name ?? null, tail: tail ?? null },
      true,
    );
    lost.delete(integerOf(id));
  }
  for (const row of lost.values()) dataLoss.stream(row, false);
}

/** Rows of streams that are lost are lost with them. */
function copyOwned(source: DatabaseSync, sink: DatabaseSync, dataLoss: CatalogDataLoss): void {
  for (const table of [PRODUCER, SEGMENT, BLOCK, SNAPSHOT]) {
    const marks = [...table.columns, "crc32"].map(() => "?").join(", ");
    const insert = sink.prepare(`INSERT OR IGNORE INTO ${table.name} VALUES (${marks})`);
    const rows = foundRows(source, table);
    let next = rows.next();
    for (; !next.done; next = rows.next()) {
      const { row, checks } = next.value;
      const name = nameOf(sink, integerOf(row.stream_id));
      if (checks && name !== undefined) insert.run(...checkedValues(row, table.columns));
      else dataLoss.owned(table.name, row, name);
    }
    if (!next.value) dataLoss.unread(table.name);
  }
}

/** A stream that is kept for its forks extends over all that is held of it, if not to the last fork's point. */
function stretchSources(sink: DatabaseSync): void {
  const end = `(SELECT max("end") FROM (
    SELECT "end" FROM segment WHERE stream_id = id
    UNION ALL SELECT "end" FROM block WHERE stream_id = id))`;
  const rows = sink.prepare(`SELECT stream.*, ${end} AS end FROM stream WHERE tail < ${end}`).all();
  for (const row of rows) {
    sink.prepare("DELETE FROM stream WHERE id = ?").run(integerOf(row.id));
    insertStream(sink, { ...row, tail: integerOf(row.end) });
  }
}

function countProducers(sink: DatabaseSync, dataLoss: CatalogDataLoss): void {
  const wrong = sink.prepare(`
    SELECT stream.*, (SELECT count(*) FROM producer WHERE stream_id = id) AS found FROM stream
    WHERE producers <> (SELECT count(*) FROM producer WHERE stream_id = id)`).all();
  const remove = sink.prepare("DELETE FROM stream WHERE id = ?");
  for (const row of wrong) {
    const id = integerOf(row.id);
    const found = integerOf(row.found);
    dataLoss.count(id, textOf(row.name) ?? "", integerOf(row.producers), found);
    remove.run(id);
    insertStream(sink, { ...row, producers: found });
  }
}

/** The greatest number of a snapshot that a row has: it is of the same numbers as ids. */
function greatestSnapshotNumber(database: DatabaseSync): number {
  return integerOf(
    database.prepare("SELECT max(number) AS greatest FROM snapshot").get()?.greatest,
  );
}

/** The newest record that any row includes, and the greatest id of one. */
export function newestRow(database: DatabaseSync): { position: number; id: number } {
  const row = database.prepare(
    "SELECT max(position) AS position, max(id) AS id FROM " +
      "(SELECT position, id FROM stream UNION ALL SELECT position, id FROM subscription)",
  ).get();
  return { position: integerOf(row?.position), id: integerOf(row?.id) };
}

function copyState(
  { report, paths }: RepairScope,
  source: DatabaseSync,
  sink: DatabaseSync,
  { uuid, firstLogged, nextFileId }: StateFallback,
): void {
  const [found] = foundRows(source, STATE);
  const newest = newestRow(sink);
  const written = found?.checks && found.row.uuid === uuid ? found.row : undefined;
  const position = written === undefined
    ? firstLogged === undefined ? newest.position : firstLogged - 1
    : integerOf(written.position);
  const row = {
    uuid,
    position,
    next_id: Math.max(
      integerOf(written?.next_id),
      newest.id + 1,
      nextFileId,
      greatestSnapshotNumber(sink) + 1,
    ),
    checkpoint_at_ms: integerOf(written?.checkpoint_at_ms),
    clean: 0,
  };
  sink.prepare(UPDATE_STATE).run(...checkedValues(row, STATE.columns));
  if (written !== undefined) return;
  report({
    outcome: "repaired",
    path: paths.catalog,
    message:
      `the state was made anew: position ${row.position}, next id ${row.next_id}. When the ` +
      "last checkpoint was isn't known, nor whether a deleted stream had a greater id",
  });
}
