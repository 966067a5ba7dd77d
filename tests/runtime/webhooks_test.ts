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
const TESTS = [
  join(FOLDER, "tokens_test.ts"),
  ...readdirSync(join(FOLDER, "webhooks")).filter((name) => name.endsWith("_test.ts"))
    .map((name) => join(FOLDER, "webhooks", name)),
];
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
  const command = [Deno.execPath(), "test", "-A", "-c", inRepo("deno.json"), ...TESTS];
  return passes(command, /(\d+) passed/, 60);
});

Deno.test("bun: webhooks are checked, sent and signed, past the environment's proxies", () => {
  return passes([bun, "test", "--preload", SHIM, ...TESTS], /(\d+) pass\b/, 60);
});

for (const version of ["22.23.3", "24.21.0"] as const) {
  Deno.test(`node ${version}: webhooks are checked, sent and signed, past the environment's proxies`, () => {
    return onNode(version);
  });
}

function onNode(version: NodeVersion): Promise<void> {
  return withTempDir(async (dir) => {
    const bundles = TESTS.map((path) => join(dir, `${basename(path, ".ts")}.mjs`));
    for (const [i, path] of TESTS.entries()) {
      // Node 22 knows no `using` yet; Bun writes it in another way.
      const outfile = `--outfile=${bundles[i]}`;
      const build = [bun, "build", path, "--target=node", outfile];
      const { code, output } = await runCommand(build, { limitMinutes: 1 });
      equal(code, 0, output);
    }
    // One of them with the older way of connecting, which asks a resolver for one address only.
    const connecting = version === "22.23.3" ? ["--no-network-family-autoselection"] : [];
    const node = [
      await nodePath(version),
      ...connecting,
      "--import",
      SHIM,
      "--test",
      "--test-reporter",
      "tap",
    ];
    await passes([...node, ...bundles], /^# pass (\d+)$/m, 60);
  });
}
