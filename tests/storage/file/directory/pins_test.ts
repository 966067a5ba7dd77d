import { equal } from "node:assert/strict";
import { chownSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { takePin } from "../../../../src/storage/file/directory/pins.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

Deno.test({
  name:
    "a pin that root takes belongs to whom the directory does, who has to be able to look at it",
  ignore: process.getuid?.() !== 0,
  fn: () =>
    withTempDir((dir) => {
      chownSync(dir, 1234, 1235);
      const path = join(dir, "PIN");
      takePin(path).release();
      const { uid, gid } = statSync(path);
      equal(uid, 1234);
      equal(gid, 1235);
      return Promise.resolve();
    }),
});

/** Commits to a lock's file as whoever looks at it does, and takes its time. */
const SLOW_LOOK = `
  import { DatabaseSync } from "node:sqlite";
  const database = new DatabaseSync(Deno.args[0]);
  database.exec("PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE");
  console.log("held");
  setTimeout(() => database.close(), 300);
`;

Deno.test("a pin is taken though a server is just looking at whether it is held", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "PIN");
    takePin(path).release();
    const look = new Deno.Command(Deno.execPath(), {
      args: ["eval", SLOW_LOOK, path],
      stdout: "piped",
    }).spawn();
    const reader = look.stdout.getReader();
    await reader.read();
    takePin(path).release();
    await reader.cancel();
    equal((await look.status).code, 0);
  }));
