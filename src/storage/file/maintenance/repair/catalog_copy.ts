import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { type SqlRow, UPDATE_STATE } from "../../catalog/schema.ts";
import { CatalogDataLoss, nameOf } from "./catalog_data_loss.ts";
import { CATALOG_TABLES, foundRows, integerOf, textOf } from "../scan/table_rows.ts";
import { checkedValues } from "./row_values.ts";
import type { RepairScope } from "./scope.ts";

const { stream: STREAM, producer: PRODUCER, segment: SEGMENT, state: STATE } = CATALOG_TABLES;

/** What the state is taken from where its row can't be. */
export interface StateFallback {
  readonly uuid: string;
  /** The number of the log's first record, `undefined` where no log file says. */
  readonly firstLogged: number | undefined;
  /** No stream's files have this id or a greater one. */
  readonly nextFileId: number;
}

/**
 * Copies what checks of a damaged catalogue into a new one, and says what doesn't.
 *
 * @param sink has our tables, empty but for a row of `state`
 */
export async function copyCatalog(
  scope: RepairScope,
  source: DatabaseSync,
  sink: DatabaseSync,
  fallback: StateFallback,
): Promise<void> {
  const losses = new CatalogDataLoss(scope);
  sink.exec("BEGIN");
  const damaged = copyStreams(source, sink, losses);
  keepSources(sink, damaged, losses);
  copyOwned(source, sink, losses);
  stretchSources(sink);
  copyState(scope, source, sink, fallback);
  countProducers(sink, losses);
  sink.exec("COMMIT");
  await losses.write();
}

function copyStreams(source: DatabaseSync, sink: DatabaseSync, losses: CatalogDataLoss): SqlRow[] {
  const damaged: SqlRow[] = [];
  const rows = foundRows(source, STREAM);
  let next = rows.next();
  for (; !next.done; next = rows.next()) {
    const { row, checks } = next.value;
    if (!checks || !insertStream(sink, row)) damaged.push(row);
  }
  if (!next.value) losses.unread("stream");
  return damaged;
}

/** False where its id or name is there already. */
function insertStream(
  sink: DatabaseSync,
  row: Readonly<Record<string, SQLInputValue | undefined>>,
): boolean {
  const values = [...checkedValues(row, STREAM.columns), endOf(row)];
  const places = values.map(() => "?").join(", ");
  return Number(
    sink.prepare(`INSERT OR IGNORE INTO stream VALUES (${places})`).run(...values).changes,
  ) === 1;
}

/** When a stream ends, as `ends_at_ms` has it. */
function endOf(row: Readonly<Record<string, SQLInputValue | undefined>>): SQLInputValue {
  const { ttl_seconds: ttl, touched_at_ms: touched, expires_at_ms: until } = row;
  if (ttl === null || ttl === undefined) return until ?? null;
  return BigInt(Number(touched)) + 1000n * BigInt(Number(ttl));
}

/** A stream that others are forks of stays for them, softly deleted, with what its segments hold. */
function keepSources(
  sink: DatabaseSync,
  damaged: readonly SqlRow[],
  losses: CatalogDataLoss,
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
      last_at_ms: 0,
      rest: new Uint8Array(0),
    });
    losses.stream(
      lost.get(integerOf(id)) ?? { id: id ?? null, name: name ?? null, tail: tail ?? null },
      true,
    );
    lost.delete(integerOf(id));
  }
  for (const row of lost.values()) losses.stream(row, false);
}

/** Rows of streams that are gone go with them. */
function copyOwned(source: DatabaseSync, sink: DatabaseSync, losses: CatalogDataLoss): void {
  for (const table of [PRODUCER, SEGMENT]) {
    const places = [...table.columns, "crc32"].map(() => "?").join(", ");
    const insert = sink.prepare(`INSERT OR IGNORE INTO ${table.name} VALUES (${places})`);
    const rows = foundRows(source, table);
    let next = rows.next();
    for (; !next.done; next = rows.next()) {
      const { row, checks } = next.value;
      const name = nameOf(sink, integerOf(row.stream_id));
      if (checks && name !== undefined) insert.run(...checkedValues(row, table.columns));
      else losses.owned(table.name, row, name);
    }
    if (!next.value) losses.unread(table.name);
  }
}

/** What is kept for forks goes as far as its segments, if not to the last fork's point. */
function stretchSources(sink: DatabaseSync): void {
  const rows = sink.prepare(`
    SELECT stream.*, (SELECT max(base + bytes) FROM segment WHERE stream_id = id) AS end FROM stream
    WHERE tail < (SELECT max(base + bytes) FROM segment WHERE stream_id = id)`).all();
  for (const row of rows) {
    sink.prepare("DELETE FROM stream WHERE id = ?").run(integerOf(row.id));
    insertStream(sink, { ...row, tail: integerOf(row.end) });
  }
}

function countProducers(sink: DatabaseSync, losses: CatalogDataLoss): void {
  const wrong = sink.prepare(`
    SELECT stream.*, (SELECT count(*) FROM producer WHERE stream_id = id) AS found FROM stream
    WHERE producers <> (SELECT count(*) FROM producer WHERE stream_id = id)`).all();
  const remove = sink.prepare("DELETE FROM stream WHERE id = ?");
  for (const row of wrong) {
    const id = integerOf(row.id);
    const found = integerOf(row.found);
    losses.count(id, textOf(row.name) ?? "", integerOf(row.producers), found);
    remove.run(id);
    insertStream(sink, { ...row, producers: found });
  }
}

function copyState(
  { report, paths }: RepairScope,
  source: DatabaseSync,
  sink: DatabaseSync,
  { uuid, firstLogged, nextFileId }: StateFallback,
): void {
  const [found] = foundRows(source, STATE);
  const newest = sink.prepare("SELECT max(position) AS position, max(id) AS id FROM stream").get();
  const kept = found?.checks && found.row.uuid === uuid ? found.row : undefined;
  const position = kept === undefined
    ? firstLogged === undefined ? integerOf(newest?.position) : firstLogged - 1
    : integerOf(kept.position);
  const row = {
    uuid,
    position,
    next_id: Math.max(integerOf(kept?.next_id), integerOf(newest?.id) + 1, nextFileId),
    checkpoint_at_ms: integerOf(kept?.checkpoint_at_ms),
    clean: 0,
  };
  sink.prepare(UPDATE_STATE).run(...checkedValues(row, STATE.columns));
  if (kept !== undefined) return;
  report({
    outcome: "repaired",
    path: paths.catalog,
    message:
      `the state was made anew: position ${row.position}, next id ${row.next_id}. When the ` +
      "last checkpoint was isn't known, nor whether a deleted stream had a greater id",
  });
}
