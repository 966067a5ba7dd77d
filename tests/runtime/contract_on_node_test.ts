import { equal, ok } from "node:assert/strict";
import { runCommand } from "../tools/command.ts";
import { nodePath } from "../tools/node.ts";
import { inRepo } from "../tools/repo.ts";

/** The storages under the contract's own tests, on Node: what it does otherwise is in its SQLite and files. */

const STORAGES = "^(memory|file, reopened or killed):";

Deno.test("on Node the storages keep the contract", async () => {
  const shim = inRepo("tests", "runtime", "deno_on_node.mjs");
  const tests = inRepo("tests", "contract", "storage_test.ts");
  const flags = ["--test-name-pattern", STORAGES, "--test-reporter", "tap", "--import", shim];
  const { code, output } = await runCommand([await nodePath("22.23.3"), ...flags, tests], {
    limitMinutes: 8,
  });
  const failed = [...output.matchAll(/^not ok [\s\S]*?^ {2}\.\.\.$/gm)].map(([text]) => text);
  equal(failed.join("\n"), "");
  equal(code, 0, output);
  ok(Number(/^# pass (\d+)$/m.exec(output)?.[1]) > 150, "the tests were found");
});
