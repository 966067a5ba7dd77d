import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { DirectoryError } from "../../../../../src/storage/file/directory/damage.ts";
import { lockDirectory } from "../../../../../src/storage/file/directory/lock.ts";
import {
  InspectError,
  inspectFile,
} from "../../../../../src/storage/file/maintenance/inspect/inspect.ts";
import {
  type Item,
  itemLine,
  itemObject,
} from "../../../../../src/storage/file/maintenance/inspect/item.ts";
import { flipBit } from "../../../../support/wal_kit.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";
import { filesIn, flipText, newestLog, segmentFiles, snapshot } from "../damage_sample.ts";
import { makeSample } from "../sample_directory.ts";

function inspect(path: string): Item[] {
  return [...inspectFile(nodeFileSystem, path)];
}

function kinds(items: readonly Item[]): string[] {
  return [...new Set(items.map(({ kind }) => kind))];
}

function damaged(items: readonly Item[]): Item[] {
  return items.filter(({ damage }) => damage !== undefined);
}

Deno.test("a log's header, batches and records are shown, each with what it says", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "killed");
    const items = inspect(newestLog(dir));
    deepEqual(damaged(items), []);
    deepEqual(items.slice(0, 2).map(({ kind, position }) => [kind, position]), [
      ["log header", 0],
      ["batch", 512],
    ]);
    equal(items.at(-1)?.kind, "end");
    const fork = items.find(({ kind, fields }) => kind === "create" && fields.name === "fork");
    equal(fork?.fields.sourceName, "json");
    const append = items.find(({ fields }) => fields.data === "bye\n");
    equal(append?.fields.closed, true);
    equal(append?.fields.offset, 6);
    ok(append !== undefined);
    match(
      itemLine(append),
      /^ +\d+ {2}append sequence=\d+ stream=3 .* closed=true data="bye\\n"$/,
    );
    const soft = items.find(({ kind, fields }) => kind === "delete" && fields.soft === true);
    equal(soft?.fields.streams, "1");
  });
});

Deno.test("a damaged batch is named at its position, and those behind it are shown", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "killed");
    const path = newestLog(dir);
    const before = inspect(path).filter(({ kind }) => kind === "batch");
    const second = before.at(-2)?.position ?? 0;
    flipBit(path, second + 50);
    const items = inspect(path);
    equal(damaged(items)[0]?.kind, "batch");
    equal(damaged(items)[0]?.position, second);
    flipBit(path, second + 8);
    equal(damaged(inspect(path))[0]?.kind, "hole");
    equal(damaged(inspect(path))[0]?.position, second);
    equal(inspect(path).filter(({ kind }) => kind === "batch").length, before.length - 1);
  });
});

Deno.test("a log whose header is damaged still shows its batches", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "killed");
    const path = newestLog(dir);
    const batches = inspect(path).filter(({ kind }) => kind === "batch").length;
    flipBit(path, 25);
    flipBit(path, 8);
    const items = inspect(path);
    deepEqual(damaged(items).map(({ kind, position }) => [kind, position]), [["log header", 0]]);
    equal(items.filter(({ kind }) => kind === "batch").length, batches);
    flipBit(path, 16);
    deepEqual(damaged(inspect(path)).map(({ kind }) => kind), ["log header", "batches"]);
  });
});

Deno.test("a spare is said to be no part of the log, whatever it holds", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "stopped");
    const spare = filesIn(join(dir, "wal")).find((path) => path.includes("spare-")) ?? "";
    equal(inspect(spare)[0]?.kind, "spare");
    match(String(inspect(spare)[0]?.fields.note), /no part of the log/);
    Deno.writeFileSync(spare, new Uint8Array(65536));
    deepEqual(kinds(inspect(spare)), ["spare"]);
  });
});

Deno.test("an index is shown entry by entry, a damaged one at its position", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "stopped");
    const [path = ""] = segmentFiles(dir, ".idx");
    const whole = inspect(path);
    deepEqual(kinds(whole), ["index header", "entry"]);
    deepEqual(damaged(whole), []);
    deepEqual(whole[1]?.fields.start, 0);
    flipBit(path, 48 + 40);
    flipBit(path, 3);
    const items = inspect(path);
    deepEqual(damaged(items).map(({ position }) => position), [0, 88]);
    equal(items.length, whole.length);
    Deno.truncateSync(path, 48 + 40 + 5);
    deepEqual(damaged(inspect(path)).map(({ position }) => position), [0, 88]);
  });
});

Deno.test("a segment is shown block by block with its index, a damaged block is named", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "stopped");
    const [path = ""] = segmentFiles(dir, ".log");
    const whole = inspect(path);
    deepEqual(kinds(whole), ["block"]);
    deepEqual(damaged(whole), []);
    equal(whole.at(-1)?.fields.to, Deno.statSync(path).size);
    const position = whole[1]?.position ?? 0;
    flipBit(path, position + 7);
    deepEqual(damaged(inspect(path)).map((item) => item.position), [position]);
    Deno.truncateSync(path, position + 1);
    match(damaged(inspect(path))[0]?.damage?.found ?? "", /^1$/);
  });
});

Deno.test("a segment without its index is cut where messages end, as it was written", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "stopped");
    const [path = ""] = segmentFiles(dir, ".log");
    const sizes = inspect(path).map(({ fields }) => fields.bytes);
    Deno.removeSync(path.replace(".log", ".idx"));
    const items = inspect(path);
    match(String(items[0]?.fields.note), /no index beside it: cut between messages/);
    deepEqual(items.slice(1).map(({ fields }) => fields.bytes), sizes);
  });
});

Deno.test("FORMAT is shown, a damaged one line by line", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "stopped");
    const path = join(dir, "FORMAT");
    deepEqual(kinds(inspect(path)), ["format"]);
    flipBit(path, 30);
    const items = inspect(path);
    deepEqual(damaged(items).map(({ position }) => position), [0]);
    equal(items[2]?.position, 26);
    equal(items.length, 5);
  });
});

Deno.test("the catalogue of a killed server is shown with its own log, and nothing is changed", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "killed");
    const before = snapshot(dir);
    ok(before.has(join(dir, "catalog.sqlite-wal")));
    const items = inspect(join(dir, "catalog.sqlite"));
    deepEqual(kinds(items), ["state", "stream", "segment", "producer"]);
    deepEqual(damaged(items), []);
    const [, row] = items;
    ok(row !== undefined);
    match(itemLine(row), /^ {12}stream id=1 name=json content_type=application\/json /);
    equal(itemObject(row).position, row.fields.position);
    equal(typeof row.fields.position, "number");
    deepEqual(snapshot(dir), before);
  });
});

Deno.test("a row that doesn't check is named, and the others are shown", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "stopped");
    const path = join(dir, "catalog.sqlite");
    flipText(path, "text/plain");
    const items = inspect(path);
    equal(damaged(items).length, 1);
    equal(damaged(items)[0]?.kind, "stream");
    match(damaged(items)[0]?.damage?.expected ?? "", /^the CRC-32 \d+$/);
    ok(kinds(items).includes("producer"));
  });
});

Deno.test("the catalogue of a directory that a server holds is refused", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "stopped");
    const lock = lockDirectory(join(dir, "LOCK"));
    try {
      throws(
        () => inspect(join(dir, "catalog.sqlite")),
        (error) => error instanceof DirectoryError && error.code === "in_use",
      );
    } finally {
      lock.release();
    }
  });
});

Deno.test("a file under another name is known by its first bytes", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "stopped");
    const paths = [newestLog(dir), segmentFiles(dir, ".idx")[0] ?? "", join(dir, "FORMAT")];
    for (const path of paths) {
      const other = join(root, "other");
      Deno.copyFileSync(path, other);
      equal(inspect(other)[0]?.kind, inspect(path)[0]?.kind);
    }
    Deno.writeTextFileSync(join(root, "notes"), "mine");
    throws(() => inspect(join(root, "notes")), { code: "foreign" });
  });
});

Deno.test("a folder tells which files one could inspect, and a missing file is said to be", async () => {
  await withTempDir(async (root) => {
    const { dir } = await makeSample(root, "stopped");
    throws(() => inspect(dir), (error) => {
      ok(error instanceof InspectError);
      match(
        error.message,
        /is a folder; name one of its files: .*FORMAT, .*catalog\.sqlite, .*\.idx/,
      );
      return true;
    });
    throws(() => inspect(join(dir, "nothing")), { code: "missing" });
    throws(() => inspect(join(dir, "LOCK")), { code: "foreign" });
  });
});
