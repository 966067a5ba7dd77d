import { equal, ok } from "node:assert/strict";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { runCommand } from "../tools/command.ts";
import { nodePath, type NodeVersion } from "../tools/node.ts";
import { inRepo } from "../tools/repo.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { bun } from "./targets.ts";

/** The tests of outgoing webhooks on each runtime: each has its own URLs, HTTP client and Ed25519. */

const FOLDER = inRepo("tests", "subscriptions");
const SHIM = inRepo("tests", "runtime", "deno_on_node.mjs");
const LIMIT_MINUTES = 4;

/** Nobody listens there: what uses a proxy of the environment reaches nothing. */
const PROXY = "http://127.0.0.1:1";
const ENV = {
  HTTP_PROXY: PROXY,
  HTTPS_PROXY: PROXY,
  ALL_PROXY: PROXY,
  http_proxy: PROXY,
  https_proxy: PROXY,
  all_proxy: PROXY,
  NO_PROXY: "",
  no_proxy: "",
  NODE_USE_ENV_PROXY: "1",
};

/** Runs a command whose output says how many tests passed, and that none failed. */
async function passes(command: readonly string[], passed: RegExp, least: number): Promise<void> {
  const { code, output } = await runCommand(command, { limitMinutes: LIMIT_MINUTES, env: ENV });
  equal(code, 0, output);
  ok(Number(passed.exec(output)?.[1]) >= least, `the tests were found:\n${output}`);
}

Deno.test("deno: webhooks are checked, sent and signed, past the environment's proxies", () => {
  const command = [Deno.execPath(), "test", "-A", "-c", inRepo("deno.json"), FOLDER];
  return passes(command, /(\d+) passed/, 60);
});

Deno.test("bun: webhooks are checked, sent and signed, past the environment's proxies", () => {
  return passes([bun, "test", "--preload", SHIM, FOLDER], /(\d+) pass\b/, 60);
});

for (const version of ["22.23.3", "24.21.0"] as const) {
  Deno.test(`node ${version}: webhooks are checked, sent and signed, past the environment's proxies`, () => {
    return onNode(version);
  });
}

function onNode(version: NodeVersion): Promise<void> {
  return withTempDir(async (dir) => {
    const names = readdirSync(FOLDER, { recursive: true, encoding: "utf8" });
    const tests = names.filter((name) => name.endsWith("_test.ts"));
    const bundles = tests.map((name) => join(dir, `${basename(name, ".ts")}.mjs`));
    for (const [i, name] of tests.entries()) {
      // Node 22 knows no `using` yet; Bun writes it in another way.
      const outfile = `--outfile=${bundles[i]}`;
      const build = [bun, "build", join(FOLDER, name), "--target=node", outfile];
      const { code, output } = await runCommand(build, { limitMinutes: 1 });
      equal(code, 0, output);
    }
    const node = [await nodePath(version), "--import", SHIM, "--test", "--test-reporter", "tap"];
    await passes([...node, ...bundles], /^# pass (\d+)$/m, 60);
  });
}
