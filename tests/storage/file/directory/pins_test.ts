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
