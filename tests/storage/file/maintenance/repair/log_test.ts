import { deepEqual, equal, match, ok } from "node:assert/strict";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { encodeUtf8 } from "../../../../../src/protocol/bytes.ts";
import { rowChecksum, STATE_COLUMNS } from "../../../../../src/storage/file/catalog/schema.ts";
import { inspectFile } from "../../../../../src/storage/file/maintenance/inspect/inspect.ts";
import { openFileStorage } from "../../../../../src/storage/file/open.ts";
import { flipBit } from "../../../../support/wal_kit.ts";
import { copyKilled } from "../../../../support/temp_dir.ts";
import { newestLog, zeroOut } from "../damage_sample.ts";
import { readDirectory, repairWhole, withDamagedDirectory } from "./repair_kit.ts";

/** Where the batch of the record is that a test looks for. */
function batchBefore(path: string, isWanted: (fields: Record<string, unknown>) => boolean): number {
  let position = 0;
  for (const { kind, position: at, fields } of inspectFile(nodeFileSystem, path)) {
    if (kind === "batch") position = at ?? 0;
    else if (isWanted({ ...fields, kind })) return position;
  }
  throw new Error(`No such record in ${path}.`);
}

Deno.test("a header is written anew, its salt taken back from the first batch's checksum", async () => {
  for (const position of [3, 9, 17, 21, 38, 45]) {
    const damage = (dir: string) => flipBit(newestLog(dir), position);
    await withDamagedDirectory("killed", damage, async ({ dir, contents }) => {
      match((await repairWhole(dir)).join("\n"), /^repaired: .*: the header was written again/);
      deepEqual(await readDirectory(dir), contents);
    });
  }
});

Deno.test("a header that is all zeros is written anew as well", async () => {
  await withDamagedDirectory(
    "killed",
    (dir) => zeroOut(newestLog(dir), 0, 512),
    async ({ dir, contents }) => {
      match((await repairWhole(dir)).join("\n"), /^repaired: .*: the header was written again/);
      deepEqual(await readDirectory(dir), contents);
    },
  );
});

Deno.test("records that the catalogue holds are replaced, and nothing is lost", async () => {
  for (const position of [512 + 60, 512 + 10]) {
    const damage = (dir: string) => flipBit(newestLog(dir), position);
    await withDamagedDirectory("killed", damage, async ({ dir, contents }) => {
      const lines = await repairWhole(dir);
      equal(lines.length, 1);
      match(lines[0] ?? "", /^repaired: .*: records \d+ to \d+ at byte 512 can't be read/);
      deepEqual(await readDirectory(dir), contents);
    });
  }
});

Deno.test("the log is cut at damage, and what was cut is listed by stream and offset", async () => {
  const damage = (dir: string) => {
    const path = newestLog(dir);
    flipBit(path, batchBefore(path, ({ kind, name }) => kind === "create" && name === "fork") + 50);
  };
  await withDamagedDirectory("killed", damage, async ({ dir, contents }) => {
    const lines = await repairWhole(dir);
    match(lines[0] ?? "", /^lost: .*: the log was cut at byte \d+: record \d+ and what came after/);
    ok(lines.some((line) => /^lost: .*1 records .*stream "short" \(3\), offsets 6–10$/.test(line)));
    ok(lines.some((line) => /its deletion is among them; stream "json" \(1\)$/.test(line)));
    ok(lines.some((line) => /the stream's creation is among them.*; stream "gone"/.test(line)));
    const read = await readDirectory(dir);
    equal(read.get("short"), "hello\n");
    equal(read.get("text"), contents.get("text"));
    equal(read.has("fork"), false);
    equal(read.get("json"), contents.get("fork")?.slice(0, read.get("json")?.length));
  });
});

Deno.test("a log without a file is begun anew, behind all that the catalogue holds", async () => {
  for (const end of ["stopped", "killed"] as const) {
    const damage = (dir: string) => Deno.removeSync(newestLog(dir));
    await withDamagedDirectory(end, damage, async ({ dir, contents }) => {
      match((await repairWhole(dir)).join("\n"), /^lost: .*: a new log was begun with record \d+/);
      const read = await readDirectory(dir);
      equal(read.get("text"), contents.get("text"));
      if (end === "stopped") deepEqual(read, contents);
    });
  }
});

Deno.test("a log folder that is missing is made anew", async () => {
  const damage = (dir: string) => Deno.removeSync(join(dir, "wal"), { recursive: true });
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    await repairWhole(dir);
    deepEqual(await readDirectory(dir), contents);
  });
});

Deno.test("a log file under another number gets the one in its header", async () => {
  let name = "";
  const damage = (dir: string) => {
    const newest = newestLog(dir);
    name = basename(newest);
    Deno.renameSync(newest, join(dir, "wal", "00000000000000000099.wal"));
  };
  await withDamagedDirectory("killed", damage, async ({ dir, contents }) => {
    const [line, ...others] = await repairWhole(dir);
    ok(line?.endsWith(`99.wal: renamed to ${name}, as its header says`), line);
    deepEqual(others, []);
    deepEqual(await readDirectory(dir), contents);
  });
});

Deno.test("a log file of another directory is moved away", async () => {
  await withDamagedDirectory("stopped", () => {}, async (other) => {
    const damage = (dir: string) =>
      Deno.copyFileSync(newestLog(other.dir), join(dir, "wal", "00000000000000000099.wal"));
    await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
      match(
        (await repairWhole(dir)).join("\n"),
        /^repaired: .*99\.wal: a log file of directory .* moved away/,
      );
      deepEqual(await readDirectory(dir), contents);
    });
  });
});

/** The position that a checkpoint leaves which was killed between its rows and its state. */
function setBackPosition(dir: string): void {
  const database = new DatabaseSync(join(dir, "catalog.sqlite"));
  try {
    const row = database.prepare("UPDATE state SET position = 1 RETURNING *").get() ?? {};
    const crc = rowChecksum(STATE_COLUMNS.map((column) => row[column]));
    database.prepare("UPDATE state SET crc32 = ?").run(crc);
  } finally {
    database.close();
  }
}

Deno.test("what is appended after a new log was begun is there after the next start", async () => {
  for (const isSetBack of [false, true]) {
    const damage = (dir: string) => {
      Deno.removeSync(newestLog(dir));
      if (isSetBack) setBackPosition(dir);
    };
    await withDamagedDirectory("killed", damage, async ({ dir }) => {
      await repairWhole(dir);
      const storage = await openFileStorage({ dir, walBytes: 256 * 1024 });
      await storage.append("short", { contentType: "text/plain", body: encodeUtf8("again\n") });
      copyKilled(dir, `${dir}-killed`);
      await storage.close();
      equal((await readDirectory(`${dir}-killed`)).get("short"), "hello\nagain\n");
    });
  }
});
