import { deepStrictEqual as equal, throws } from "node:assert";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import {
  type Catalog,
  type DamagedSubscriptionRow,
  NO_CHANGES,
} from "../../../../src/storage/file/catalog/catalog.ts";
import {
  createSqliteCatalog,
  openSqliteCatalog,
} from "../../../../src/storage/file/catalog/sqlite_catalog.ts";
import { rowChecksum } from "../../../../src/storage/file/catalog/schema.ts";
import {
  cursorValues,
  subscriptionValues,
  toCursorRow,
  toSubscriptionRow,
} from "../../../../src/storage/file/catalog/subscription_rows.ts";
import type {
  SubscriptionCapture,
  SubscriptionRow,
} from "../../../../src/storage/subscriptions/capture.ts";
import { subscriptionRow } from "../../../support/subscription_arbitraries.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const UUID = "00112233-4455-6677-8899-aabbccddeeff";

/** Subscriptions with ids and names of their own. */
const [SAMPLE] = fc.sample(subscriptionRow, { numRuns: 1, seed: 1 });

function rowOf(id: number, name = `s${id}`, lsn = 9): SubscriptionRow {
  if (SAMPLE === undefined) throw new Error("There is no sample.");
  return { ...SAMPLE, id, name, lsn };
}

async function withCatalog(run: (catalog: Catalog, path: string) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const path = `${dir}/catalog.sqlite`;
    createSqliteCatalog(path, UUID);
    const catalog = openSqliteCatalog(path);
    try {
      await run(catalog, path);
    } finally {
      await catalog.close();
    }
  });
}

async function store(catalog: Catalog, part: Partial<SubscriptionCapture>): Promise<void> {
  await catalog.store({
    ...NO_CHANGES,
    subscriptions: { ...NO_CHANGES.subscriptions, ...part },
  });
}

/** All rows, and what is left of the damaged ones. */
function rowsOf(catalog: Catalog) {
  const damaged: DamagedSubscriptionRow[] = [];
  const subscriptions = catalog.subscriptions((row) => damaged.push(row));
  const cursors = [...catalog.cursors((row) => damaged.push(row))];
  return { subscriptions, cursors, damaged };
}

function change(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

Deno.test("rows of subscriptions and cursors have their golden values", () => {
  // "65\n=s\n1000\n={}\n"
  equal(subscriptionValues({ id: 65, name: "s", lsn: 1000, body: "{}" }), [
    65,
    "s",
    1000,
    "{}",
    2890915120,
  ]);
  // "65\n7\n12\n"
  equal(cursorValues({ subscriptionId: 65, streamId: 7, position: 12 }), [65, 7, 12, 703633978]);
});

Deno.test("subscriptions and cursors come back as they were stored, changed and deleted", () =>
  withCatalog(async (catalog) => {
    const cursors = Array.from({ length: 2500 }, (_, i) => (
      { subscriptionId: 1 + i % 2, streamId: i, position: 2 * i }
    ));
    await store(catalog, { rows: [rowOf(1), rowOf(2)], cursors });
    const found = rowsOf(catalog);
    equal(found.subscriptions, [rowOf(1), rowOf(2)]);
    equal(found.cursors.toSorted((a, b) => a.streamId - b.streamId), cursors);
    await store(catalog, {
      rows: [rowOf(1, "s1", 20)],
      cursors: [{ subscriptionId: 1, streamId: 0, position: 5 }],
      deletedCursors: cursors.slice(2),
    });
    equal(rowsOf(catalog), {
      subscriptions: [rowOf(1, "s1", 20), rowOf(2)],
      cursors: [
        { subscriptionId: 1, streamId: 0, position: 5 },
        { subscriptionId: 2, streamId: 1, position: 2 },
      ],
      damaged: [],
    });
    equal(catalog.newestLsnAfter(9), 20);
    equal(catalog.newestLsnAfter(20), undefined);
    await store(catalog, { deletedIds: [1], rows: [rowOf(3, "s1")] });
    equal(rowsOf(catalog), {
      subscriptions: [rowOf(2), rowOf(3, "s1")],
      cursors: [{ subscriptionId: 2, streamId: 1, position: 2 }],
      damaged: [],
    });
  }));

Deno.test("a subscription takes the place of a damaged one of its name", () =>
  withCatalog(async (catalog, path) => {
    const cursor = { subscriptionId: 1, streamId: 7, position: 3 };
    await store(catalog, { rows: [rowOf(1, "s")], cursors: [cursor] });
    change(path, "UPDATE subscription SET position = 1");
    equal(rowsOf(catalog).damaged.length, 1);
    await store(catalog, { rows: [rowOf(5, "s")] });
    equal(rowsOf(catalog), { subscriptions: [rowOf(5, "s")], cursors: [], damaged: [] });
  }));

Deno.test("each damaged row is told of, and hides no other", () =>
  withCatalog(async (catalog, path) => {
    const cursors = [1, 2, 3].map((streamId) => ({ subscriptionId: 2, streamId, position: 4 }));
    await store(catalog, { rows: [rowOf(1), rowOf(2), rowOf(3)], cursors });
    change(path, "UPDATE subscription SET body = body || ' ' WHERE id = 1");
    change(path, "UPDATE subscription SET position = 9007199254740993 WHERE id = 2");
    change(path, "UPDATE cursor SET position = 5 WHERE stream_id = 1");
    change(path, "UPDATE cursor SET subscription_id = 9007199254740993 WHERE stream_id = 2");
    const found = rowsOf(catalog);
    equal(found.subscriptions, [rowOf(3)]);
    equal(found.cursors, [{ subscriptionId: 2, streamId: 3, position: 4 }]);
    equal(found.damaged.map(({ reason: _, ...row }) => row), [
      { subscriptionId: 1, name: "s1", streamId: undefined },
      { subscriptionId: 2, name: "s2", streamId: undefined },
      { subscriptionId: 2, name: undefined, streamId: 1 },
      { subscriptionId: 9007199254740992, name: undefined, streamId: 2 },
    ]);
    equal(catalog.newestLsnAfter(0), 9);
  }));

Deno.test("tables that can't be read are told of, and stop nothing", () =>
  withCatalog(async (catalog, path) => {
    await store(catalog, { rows: [rowOf(1)] });
    change(path, "DROP TABLE cursor; DROP TABLE subscription");
    const { damaged, ...rows } = rowsOf(catalog);
    equal(rows, { subscriptions: [], cursors: [] });
    equal(damaged.map(({ subscriptionId }) => subscriptionId), [undefined, undefined]);
  }));

Deno.test("a row with any column changed is damaged", () =>
  withCatalog(async (catalog, path) => {
    const cursor = { subscriptionId: 1, streamId: 7, position: 3 };
    await store(catalog, { rows: [rowOf(1)], cursors: [cursor] });
    const database = new DatabaseSync(path);
    const rows = [
      [database.prepare("SELECT * FROM subscription").get() ?? {}, toSubscriptionRow],
      [database.prepare("SELECT * FROM cursor").get() ?? {}, toCursorRow],
    ] as const;
    database.close();
    for (const [row, decode] of rows) {
      for (const [column, value] of Object.entries(row)) {
        const other = typeof value === "number" ? value + 1 : `${value}x`;
        throws(() => decode({ ...row, [column]: other }, path), /damaged/, column);
        throws(() => decode({ ...row, [column]: null }, path), /damaged/, column);
      }
    }
    const crc32 = rowChecksum([1, "s1", 9, "{}"]);
    const row = { id: 1, name: "s1", position: 9, body: "{}", crc32 };
    throws(() => toSubscriptionRow(row, path), /expected the body of subscription 1, found/);
  }));
