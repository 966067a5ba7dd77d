import { deepEqual, equal, match, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { flipBit } from "../../../../support/wal_kit.ts";
import { flipText, snapshot, zeroOut } from "../damage_sample.ts";
import { readDirectory, repair, repairWhole, withDamagedDirectory } from "./repair_kit.ts";

function catalogOf(dir: string): string {
  return join(dir, "catalog.sqlite");
}

/** Changes rows behind the back of their checksums. */
function change(dir: string, sql: string): void {
  const database = new DatabaseSync(catalogOf(dir));
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

function quarantinedNote(dir: string, keptIn: string | undefined): string {
  equal(keptIn?.startsWith(`${dir}/damaged-`), true);
  return Deno.readTextFileSync(join(keptIn ?? "", "lost-rows.jsonl"));
}

Deno.test("a stream whose row is damaged is lost: named, its row written down, the rest served", async () => {
  const damage = (dir: string) => change(dir, "UPDATE stream SET tail = 99 WHERE name = 'short'");
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    const { actions, left, keptIn } = await repair(dir);
    deepEqual(left, []);
    const lost = actions.filter(({ outcome }) => outcome === "lost");
    deepEqual(lost.map(({ stream }) => stream), [{ id: 3, name: "short" }]);
    match(
      quarantinedNote(dir, keptIn),
      /^\{"table":"stream","row":\{"id":3,"name":"short",.*"tail":99,/,
    );
    contents.delete("short");
    deepEqual(await readDirectory(dir), contents);
  });
});

Deno.test("what the log still holds of a lost stream is deleted, so that a server starts", async () => {
  const damage = (dir: string) => change(dir, "UPDATE stream SET tail = 99 WHERE name = 'short'");
  await withDamagedDirectory("killed", damage, async ({ dir, contents }) => {
    const lines = await repairWhole(dir);
    ok(lines.some((line) => /^lost: .*a deletion of 3 was added$/.test(line)), lines.join("\n"));
    contents.delete("short");
    deepEqual(await readDirectory(dir), contents);
    deepEqual(await readDirectory(dir), contents);
  });
});

Deno.test("a damaged stream with forks stays for them, as far as its segments go", async () => {
  const damage = (dir: string) => change(dir, "UPDATE stream SET tail = 99 WHERE name = 'json'");
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    const { actions } = await repair(dir);
    ok(actions.some(({ outcome, stream }) => outcome === "lost" && stream?.name === "json"));
    const read = await readDirectory(dir);
    equal(read.get("fork"), "failed: damaged");
    equal(read.get("text"), contents.get("text"));
  });
});

Deno.test("a producer's damaged row is dropped and the producer named", async () => {
  const damage = (dir: string) =>
    change(dir, "UPDATE producer SET seq = 0 WHERE producer_id = 'writer-1'");
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    const lines = (await repairWhole(dir)).filter((line) => line.startsWith("lost"));
    match(lines[0] ?? "", /the place of producer "writer-1" is gone.*; stream "text" \(2\)$/);
    match(lines[1] ?? "", /it had 3 producers, and of 2 the place is known; stream "text" \(2\)$/);
    deepEqual(await readDirectory(dir), contents);
  });
});

Deno.test("a segment's row that is damaged or missing is made anew from its files", async () => {
  for (
    const sql of [
      "UPDATE segment SET bytes = 5 WHERE base > 0",
      "UPDATE segment SET blocks = 1 WHERE base = 0",
      "DELETE FROM segment",
    ]
  ) {
    await withDamagedDirectory("stopped", (dir) => change(dir, sql), async ({ dir, contents }) => {
      const lines = await repairWhole(dir);
      ok(lines.some((line) => /the row of segment \d+ was made anew/.test(line)), lines.join("\n"));
      deepEqual(await readDirectory(dir), contents);
    });
  }
});

Deno.test("a state that is damaged or missing is made anew", async () => {
  for (const sql of ["UPDATE state SET position = 1", "DELETE FROM state"]) {
    await withDamagedDirectory("stopped", (dir) => change(dir, sql), async ({ dir, contents }) => {
      match(
        (await repairWhole(dir)).join("\n"),
        /the state was made anew: position \d+, next id \d+/,
      );
      deepEqual(await readDirectory(dir), contents);
    });
  }
});

Deno.test("the time at which a stream ends is worked out again", async () => {
  const damage = (dir: string) => change(dir, "UPDATE stream SET ends_at_ms = 5 WHERE id = 3");
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    await repairWhole(dir);
    deepEqual(await readDirectory(dir), contents);
  });
});

Deno.test("a header and indexes of SQLite that are damaged cost no stream", async () => {
  const damages: ((dir: string) => void)[] = [
    (dir) => flipBit(catalogOf(dir), 3),
    (dir) => flipBit(catalogOf(dir), 18),
    (dir) => change(dir, "DROP INDEX stream_end"),
    (dir) => change(dir, "CREATE TABLE other (x)"),
  ];
  for (const damage of damages) {
    await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
      match(
        (await repairWhole(dir)).join("\n"),
        /a new catalogue was made of the rows whose checksums are right/,
      );
      deepEqual(await readDirectory(dir), contents);
    });
  }
});

Deno.test("rows on a page that can't be read are lost, and what there is of others is kept", async () => {
  const damage = (dir: string) => {
    const database = new DatabaseSync(catalogOf(dir));
    const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'producer'")
      .get();
    database.close();
    zeroOut(catalogOf(dir), (Number(root?.rootpage) - 1) * 4096, 4096);
  };
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    const lines = await repairWhole(dir);
    ok(lines.some((line) => /rows of producer are on pages that SQLite can't read/.test(line)));
    deepEqual(await readDirectory(dir), contents);
  });
});

Deno.test("a catalogue of which nothing can be read is not repaired, and stays", async () => {
  const damage = (dir: string) => Deno.writeFileSync(catalogOf(dir), new Uint8Array(8192));
  await withDamagedDirectory("stopped", damage, async ({ dir }) => {
    const before = snapshot(dir);
    const { left } = await repair(dir);
    ok(left.some(({ kind }) => kind === "catalog_unreadable"));
    const after = snapshot(dir);
    for (const [path, bytes] of before) equal(after.get(path), bytes, path);
  });
});

/** As {@link change}, but what is changed stays in SQLite's own log. */
function changeInLog(dir: string, sql: string): void {
  const path = catalogOf(dir);
  const database = new DatabaseSync(path);
  try {
    database.exec(`PRAGMA wal_autocheckpoint=0; ${sql}`);
    for (const suffix of ["", "-wal"]) Deno.copyFileSync(path + suffix, `${path}${suffix}.copy`);
  } finally {
    database.close();
  }
  for (const suffix of ["", "-wal"]) Deno.renameSync(`${path}${suffix}.copy`, path + suffix);
}

Deno.test("SQLite's own log is read, kept and not taken for the new catalogue's", async () => {
  const damage = (dir: string) =>
    changeInLog(dir, "UPDATE stream SET tail = 99 WHERE name = 'short'");
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    const log = Deno.readFileSync(`${catalogOf(dir)}-wal`);
    const { left, keptIn } = await repair(dir);
    deepEqual(left, []);
    deepEqual(Deno.readFileSync(join(keptIn ?? "", "catalog.sqlite-wal")), log);
    contents.delete("short");
    deepEqual(await readDirectory(dir), contents);
  });
});

Deno.test("a catalogue that a killed server left and whose own log is damaged serves what it holds", async () => {
  const damage = (dir: string) => flipText(`${catalogOf(dir)}-wal`, "hello\n");
  await withDamagedDirectory("killed", damage, async ({ dir, contents }) => {
    const { keptIn } = await repair(dir);
    const read = await readDirectory(dir);
    for (const name of ["text", "fork"]) equal(read.get(name), contents.get(name), keptIn);
  });
});
