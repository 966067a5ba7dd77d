/** What the contract's tests use of Deno, for Node to run them as they are. */
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

globalThis.Deno = {
  test: (name, run) => test(name, () => run()),
  makeTempDir: ({ prefix }) => mkdtemp(join(tmpdir(), prefix)),
  remove: (path, options) => rm(path, options),
  mkdirSync,
  copyFileSync,
  readDirSync: (path) =>
    readdirSync(path, { withFileTypes: true })
      .map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() })),
};
