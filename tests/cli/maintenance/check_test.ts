import { deepEqual, equal, match, ok } from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import { lockDirectory } from "../../../src/storage/file/directory/lock.ts";
import { withOneStream } from "./one_stream_directory.ts";

Deno.test("check says what it looked at, changes nothing and exits 0", async () => {
  await withOneStream(async (dir, kit) => {
    match(
      await kit.ok(["check", "--dir", dir]),
      /^nothing is damaged: 1 stream, \d+ files, \d+ bytes\n$/,
    );
    const names = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
    deepEqual(names, ["FORMAT", "LOCK", "ballast", "catalog.sqlite", "segments", "wal"]);
  });
});

Deno.test("check counts the streams that a crash left in the log, and not those deleted there", async () => {
  await withOneStream(async (dir, kit) => {
    const storage = await openFileStorage({ dir, walBytes: 256 * 1024 });
    try {
      for (const name of ["a", "b", "c"]) await storage.create(name, { contentType: "text/plain" });
      await storage.delete("c");
      const copy = `${dir}-after-a-crash`;
      cpSync(dir, copy, { recursive: true });
      try {
        match(await kit.ok(["check", "--dir", copy]), /^nothing is damaged: 3 streams,/);
        await storage.delete("greetings");
        rmSync(copy, { recursive: true });
        cpSync(dir, copy, { recursive: true });
        match(await kit.ok(["check", "--dir", copy]), /^nothing is damaged: 2 streams,/);
      } finally {
        rmSync(copy, { recursive: true });
      }
    } finally {
      await storage.close();
    }
  });
});

Deno.test("check names the file and the byte of damage and exits 1, in JSON too", async () => {
  await withOneStream(async (dir, kit) => {
    Deno.truncateSync(join(dir, "FORMAT"), 3);
    const text = await kit.run(["check", "--dir", dir]);
    equal(text.code, 1);
    match(
      text.stdout,
      /^damaged: .*FORMAT:0: FORMAT is missing or fails its checksum .*\n1 problem found: /,
    );
    const json = await kit.run(["check", "--dir", dir, "--json"]);
    const lines: unknown[] = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    const [first, last] = lines;
    ok(typeof first === "object" && first !== null && "kind" in first && "position" in first);
    deepEqual([first.kind, first.position], ["format", 0]);
    ok(typeof last === "object" && last !== null && "damaged" in last);
    equal(last.damaged, 1);
    equal(Deno.statSync(join(dir, "FORMAT")).size, 3);
  });
});

Deno.test("what a crash left is a note and no damage", async () => {
  await withOneStream(async (dir, kit) => {
    Deno.mkdirSync(join(dir, "segments", "07"), { recursive: true });
    Deno.writeTextFileSync(join(dir, "segments/07/0000000000000007-00000000000000000000.log"), "x");
    Deno.writeTextFileSync(join(dir, "wal/filling"), "x");
    const { code, stdout } = await kit.run(["check", "--dir", dir]);
    equal(code, 0);
    match(
      stdout,
      /^note: .*wal\/filling:0: .*\nnote: .*0{13}007-0{20}\.log:0: no row.*\nnothing is/,
    );
  });
});

Deno.test("check exits 2 for another directory, 3 where nothing is, 5 while a server runs", async () => {
  await withOneStream(async (dir, kit) => {
    equal((await kit.run(["check", "--dir", join(dir, "nothing")])).code, 3);
    const other = join(dir, "other");
    Deno.mkdirSync(other);
    Deno.writeTextFileSync(join(other, "notes"), "mine");
    equal((await kit.run(["check", "--dir", other])).code, 2);
    const lock = lockDirectory(join(dir, "LOCK"));
    try {
      const { code, stderr } = await kit.run(["check", "--dir", dir]);
      equal(code, 5);
      match(stderr, /another server, process \d+, holds the directory/);
    } finally {
      lock.release();
    }
  });
});
