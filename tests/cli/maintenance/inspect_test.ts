import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { lockDirectory } from "../../../src/storage/file/directory/lock.ts";
import { flipBit } from "../../support/wal_kit.ts";
import { withOneStream } from "./one_stream_directory.ts";

function objects(stdout: string): unknown[] {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("inspect prints a line a thing, no more than --limit, and JSON with --json", async () => {
  await withOneStream(async (dir, kit) => {
    const text = await kit.ok(["inspect", join(dir, "catalog.sqlite")]);
    match(text, /^ {12}state uuid=.*\n {12}stream id=1 name=greetings .*\n$/);
    const limited = await kit.ok(["inspect", join(dir, "catalog.sqlite"), "--limit", "1"]);
    equal(limited, text.slice(0, text.indexOf("\n") + 1));
    const [format] = objects(await kit.ok(["inspect", join(dir, "FORMAT"), "--json"]));
    ok(typeof format === "object" && format !== null && "kind" in format && "version" in format);
    deepEqual([format.kind, format.version], ["format", 6]);
  });
});

Deno.test("inspect exits 1 at a damaged part, 3 without the file, 5 while a server runs", async () => {
  await withOneStream(async (dir, kit) => {
    flipBit(join(dir, "FORMAT"), 30);
    const damaged = await kit.run(["inspect", join(dir, "FORMAT")]);
    equal(damaged.code, 1);
    match(damaged.stdout, /^ +0 {2}DAMAGED format bytes=93: expected our format's text/);
    const missing = await kit.run(["inspect", join(dir, "nothing")]);
    deepEqual([missing.code, missing.stdout], [3, ""]);
    match(missing.stderr, /^durable-streams: there is no file .*nothing$/);
    const folder = await kit.run(["inspect", dir]);
    equal(folder.code, 2);
    match(folder.stderr, /is a folder; name one of its files: .*FORMAT, .*catalog\.sqlite/);
    const lock = lockDirectory(join(dir, "LOCK"));
    try {
      const held = await kit.run(["inspect", join(dir, "catalog.sqlite")]);
      equal(held.code, 5);
      match(held.stderr, /holds the directory/);
    } finally {
      lock.release();
    }
  });
});
