import { equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { followPlainly } from "./plain_follower.ts";
import { COMPAT_TARGETS } from "./targets.ts";

/** Python without any package, by the program that docs/COMPATIBILITY.md shows. */

const isMissing = spawnSync("python3", ["--version"]).status !== 0 && process.env.CI !== "true";

Deno.test({
  name: "plain Python follows a stream through ends of the connection, on each runtime" +
    (isMissing ? " (skipped: needs python3)" : ""),
  ignore: isMissing,
  timeout: 60_000,
  fn: async () => {
    for (const { command } of COMPAT_TARGETS) {
      const written = await followPlainly(await command(), ["python3", "python/plain.py"]);
      equal(written, '{"n": 1}\n"w\\u00f6rld \\ud83c\\udf0d"\n3\n');
    }
  },
});
