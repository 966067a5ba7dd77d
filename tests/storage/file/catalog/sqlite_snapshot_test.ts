import { ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { createSqliteCatalog } from "../../../../src/storage/file/catalog/sqlite_catalog.ts";
import {
  adoptSqliteCopy,
  snapshotSqliteCatalog,
} from "../../../../src/storage/file/catalog/sqlite_snapshot.ts";
import { StreamError } from "../../../../src/protocol/errors.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

Deno.test({
  name: "where there is no room for a catalogue's copy, the error is of the copy",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withTempDir((dir) => {
      const path = join(dir, "catalog.sqlite");
      createSqliteCatalog(path, crypto.randomUUID());
      const snapshot = snapshotSqliteCatalog(path, "/dev/full");
      throws(() => snapshot.copy(), /\/dev\/full: .*full/);
      return Promise.resolve();
    }),
});

Deno.test("what SQLite says of a copy that can't become a catalogue is an error of ours", () =>
  withTempDir((dir) => {
    const path = join(dir, "catalog.sqlite");
    Deno.writeTextFileSync(path, "no catalogue ".repeat(1000));
    throws(() => adoptSqliteCopy(path), (error) => {
      ok(error instanceof StreamError);
      return error.code === "damaged" && error.message.includes(path);
    });
    return Promise.resolve();
  }));
