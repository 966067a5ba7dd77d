import { equal, ok, throws } from "node:assert/strict";
import { closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LineWriter } from "../../src/env/line_writer.ts";
import { withTempDir } from "../support/temp_dir.ts";

const fail = (error: Error) => {
  throw error;
};

Deno.test("lines go to the end of the file, in their order, before it is closed", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "access.log");
    for (const first of ["a", "b"]) {
      const writer = new LineWriter(path, fail);
      for (let i = 0; i < 100; i++) writer.write(`${first}${i}\n`);
      await writer.close();
    }
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    equal(lines.length, 200);
    equal(lines[99], "a99");
    equal(lines[199], "b99");
  }));

Deno.test("what is longer than it keeps isn't taken", () =>
  withTempDir(async (dir) => {
    const writer = new LineWriter(join(dir, "access.log"), fail);
    const MIB = "x".repeat(1024 * 1024 - 1) + "\n";
    for (let i = 0; i < 4; i++) ok(writer.write(MIB));
    equal(writer.write("one more\n"), false);
    await writer.flush();
    ok(writer.write("again\n"));
    await writer.close();
  }));

Deno.test("a file that was renamed is written to on, until another writer opens the name", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "access.log");
    const before = new LineWriter(path, fail);
    renameSync(path, `${path}.1`);
    before.write("old\n");
    const after = new LineWriter(path, fail);
    after.write("new\n");
    await Promise.all([before.close(), after.close()]);
    equal(readFileSync(`${path}.1`, "utf8"), "old\n");
    equal(readFileSync(path, "utf8"), "new\n");
  }));

Deno.test("a file that can't be opened is told at once, one that can't be written once", async () => {
  throws(() => new LineWriter("/nowhere/access.log", fail), /ENOENT/);
  const errors: Error[] = [];
  const writer = new LineWriter("/dev/full", (error) => errors.push(error));
  writer.write("a\n");
  await writer.flush();
  writer.write("b\n");
  await writer.close();
  equal(errors.length, 1);
});

Deno.test("a writer that is closed twice leaves the file alone that has its descriptor since", () =>
  withTempDir(async (dir) => {
    const writer = new LineWriter(join(dir, "lines"), () => {});
    writer.write("one\n");
    await writer.close();
    const descriptor = openSync(join(dir, "other"), "w");
    await writer.close();
    writeSync(descriptor, "its own");
    closeSync(descriptor);
    equal(readFileSync(join(dir, "other"), "utf8"), "its own");
    equal(readFileSync(join(dir, "lines"), "utf8"), "one\n");
  }));
