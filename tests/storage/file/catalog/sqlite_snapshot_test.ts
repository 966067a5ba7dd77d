import { equal, ok, rejects, throws } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { createSqliteCatalog } from "../../../../src/storage/file/catalog/sqlite_catalog.ts";
import {
  adoptSqliteCopy,
  snapshotSqliteCatalog,
} from "../../../../src/storage/file/catalog/sqlite_snapshot.ts";
import { StreamError } from "../../../../src/protocol/errors.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

Deno.test({
  name: "where there is no room for a catalogue's copy, the error is of the copy",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withTempDir(async (dir) => {
      const path = join(dir, "catalog.sqlite");
      createSqliteCatalog(path, crypto.randomUUID());
      const snapshot = snapshotSqliteCatalog(path, "/dev/full");
      await rejects(() => snapshot.copy(() => Promise.resolve()), /\/dev\/full: .*full/);
    }),
});

const PRODUCERS = 2500;
const FIRST_ID = 1000;

/** A catalogue with so many producers, each of a stream of its own: what a copy has in slices. */
function makeProducers(path: string): void {
  createSqliteCatalog(path, crypto.randomUUID());
  const database = new DatabaseSync(path);
  const insert = database.prepare("INSERT INTO producer VALUES (?, ?, 1, 1, 1)");
  database.exec("BEGIN");
  for (let n = 0; n < PRODUCERS; n++) insert.run(FIRST_ID + n, `producer-${n}`.padEnd(64, "."));
  database.exec("COMMIT");
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

async function copyProducers(path: string): Promise<{ ids: number[]; parts: number[] }> {
  const parts: number[] = [];
  await snapshotSqliteCatalog(path, `${path}.copy`).copy((bytes) => {
    parts.push(bytes);
    return Promise.resolve();
  });
  const copy = new DatabaseSync(`${path}.copy`);
  const rows = copy.prepare("SELECT stream_id FROM producer ORDER BY producer_id").all();
  copy.close();
  return { ids: rows.map((row) => Number(row.stream_id)).sort((a, b) => a - b), parts };
}

Deno.test("a copy of a catalogue has all rows, and says after each part how much it was", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "catalog.sqlite");
    makeProducers(path);
    const { ids, parts } = await copyProducers(path);
    equal(ids.length, PRODUCERS);
    ids.forEach((id, n) => equal(id, FIRST_ID + n));
    ok(parts.filter((bytes) => bytes > 10_000).length >= 5, `${parts}`);
  }));

Deno.test("a copy has the rows behind a key that damage made too great", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "catalog.sqlite");
    makeProducers(path);
    const bytes = Deno.readFileSync(path);
    const text = new TextDecoder("latin1").decode(bytes);
    // The record has the key's two bytes before the producer's name.
    const at = text.indexOf("producer-500.") - 2;
    equal((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0), FIRST_ID + 500);
    bytes[at] = 0x7f;
    Deno.writeFileSync(path, bytes);
    const { ids } = await copyProducers(path);
    equal(ids.length, PRODUCERS);
  }));

Deno.test("what SQLite says of a copy that can't become a catalogue is an error of ours", () =>
  withTempDir((dir) => {
    const path = join(dir, "catalog.sqlite");
    Deno.writeTextFileSync(path, "no catalogue ".repeat(1000));
    throws(() => adoptSqliteCopy(path), (error) => {
      ok(error instanceof StreamError);
      return error.code === "damaged" && error.message.includes(path);
    });
    return Promise.resolve();
  }));
