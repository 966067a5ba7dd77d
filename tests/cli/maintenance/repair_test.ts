import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { lockDirectory } from "../../../src/storage/file/directory/lock.ts";
import { withOneStream } from "./one_stream_directory.ts";

Deno.test("repair says what it did and where the originals are, and exits 0", async () => {
  await withOneStream(async (dir, kit) => {
    equal(
      await kit.ok(["repair", "--dir", dir]),
      "nothing is damaged; nothing was changed\n",
    );
    Deno.truncateSync(join(dir, "FORMAT"), 3);
    match(
      await kit.ok(["repair", "--dir", dir]),
      /^repaired: .*FORMAT: written anew .*\n1 problem found: 1 repair made, 0 not repaired; the originals are in .*damaged-\d{8}T\d{6}Z\n$/,
    );
    equal(await kit.ok(["repair", "--dir", dir]), "nothing is damaged; nothing was changed\n");
  });
});

Deno.test("repair --dry-run exits 1 where something is damaged, and changes nothing", async () => {
  await withOneStream(async (dir, kit) => {
    Deno.truncateSync(join(dir, "FORMAT"), 3);
    const { code, stdout } = await kit.run(["repair", "--dir", dir, "--dry-run"]);
    equal(code, 1);
    match(
      stdout,
      /^repaired: .*FORMAT: written anew .*\n1 problem found; nothing was changed\n$/,
    );
    equal(Deno.statSync(join(dir, "FORMAT")).size, 3);
  });
});

Deno.test("repair exits 1 where something stays damaged, and names it, in JSON too", async () => {
  await withOneStream(async (dir, kit) => {
    Deno.writeFileSync(join(dir, "catalog.sqlite"), new Uint8Array(4096));
    const text = await kit.run(["repair", "--dir", dir]);
    equal(text.code, 1);
    match(text.stdout, /^not repaired: .*catalog\.sqlite:0: the catalogue isn't a SQLite file/);
    const json = await kit.run(["repair", "--dir", dir, "--json"]);
    const lines: unknown[] = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    const [first] = lines;
    ok(typeof first === "object" && first !== null && "outcome" in first && "kind" in first);
    deepEqual([first.outcome, first.kind], ["not repaired", "catalog_unreadable"]);
    const last = lines.at(-1);
    ok(typeof last === "object" && last !== null && "outcome" in last && "notRepaired" in last);
    deepEqual([last.outcome, last.notRepaired], ["summary", lines.length - 1]);
  });
});

Deno.test("repair exits 2 for another directory, 3 where nothing is, 5 while a server runs", async () => {
  await withOneStream(async (dir, kit) => {
    const missing = await kit.run(["repair", "--dir", join(dir, "nothing")]);
    deepEqual([missing.code, missing.stdout], [3, ""]);
    match(missing.stderr, /^durable-streams: .*: the directory is missing or empty; name one/);
    const other = join(dir, "damaged-1");
    Deno.mkdirSync(other);
    Deno.writeTextFileSync(join(other, "notes"), "mine");
    const foreign = await kit.run(["repair", "--dir", other]);
    deepEqual([foreign.code, foreign.stdout], [2, ""]);
    match(foreign.stderr, /no directory of ours: it has none of FORMAT, .*See .* repair --help/);
    const lock = lockDirectory(join(dir, "LOCK"));
    try {
      const held = await kit.run(["repair", "--dir", dir]);
      deepEqual([held.code, held.stdout], [5, ""]);
    } finally {
      lock.release();
    }
  });
});
