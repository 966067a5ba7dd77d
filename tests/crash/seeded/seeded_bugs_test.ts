import { ok } from "node:assert";
import process from "node:process";
import { runCommand } from "../../tools/command.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { SEEDED_BUGS } from "./bugs.ts";
import type { SeededBug } from "./seeded_bug.ts";
import { seedBug } from "./seeded_copy.ts";

/**
 * The crash tests bite: each of these bugs, planted on a copy of the source, is found. `CRASH_BUG_SECONDS`
 * says how long the histories may look for one (90); most are found in the first few.
 */
const seconds = Number(process.env["CRASH_BUG_SECONDS"] ?? 90);
const FIRST_SEED = 1;
const SHARED = ["-A", "--no-check", "--no-lock", "-c", "deno.json"];
const LIMIT_MINUTES = 5;

Deno.test("a history that fails is printed as short as it gets, and fails so again", () =>
  withTempDir(async (dir) => {
    const bug = SEEDED_BUGS.find(({ name }) =>
      name === "a delete is acknowledged before it is durable"
    );
    ok(bug !== undefined);
    seedBug(dir, bug);
    const run = (...args: string[]) =>
      runCommand([Deno.execPath(), "run", ...SHARED, "tests/crash/run.ts", ...args], {
        cwd: dir,
        limitMinutes: LIMIT_MINUTES,
      });
    const { code, output } = await run("--processes", "1", "--count", "200");
    ok(code === 1, output);
    const [, before, after] = /Shortened from (\d+) parts to (\d+)\./.exec(output) ?? [];
    ok(Number(after) <= 12 && Number(after) < Number(before), output);
    const [, seed = "", keep = ""] = /--seed (\d+) --keep "([^"]+)"/.exec(output) ?? [];
    const again = await run("--seed", seed, "--keep", keep);
    ok(again.code === 1 && !again.output.includes("no promise was broken"), again.output);
  }));

for (const bug of SEEDED_BUGS) {
  Deno.test(`found: ${bug.name}`, () =>
    withTempDir(async (dir) => {
      seedBug(dir, bug);
      const { code, output } = await runCommand(commandFor(bug), {
        cwd: dir,
        limitMinutes: LIMIT_MINUTES,
      });
      if (bug.test === undefined) {
        ok(code === 0 && output.includes("history "), `the histories find it:\n${output}`);
        console.log(`  ${output.trim().slice(0, 200)}`);
      } else {
        ok(code !== 0 && /\d+ failed/.test(output), `"${bug.test}" finds it:\n${output}`);
      }
    }));
}

function commandFor(bug: SeededBug): string[] {
  if (bug.test === undefined) {
    const kind = bug.subscriptions ? ["subscriptions"] : [];
    const args = [String(FIRST_SEED), String(seconds), ...kind];
    return [Deno.execPath(), "run", ...SHARED, "tests/crash/history/search.ts", ...args];
  }
  const filter = ["--filter", `/${bug.test}/`];
  const file = bug.file ?? "tests/crash/regression_test.ts";
  return [Deno.execPath(), "test", ...SHARED, ...filter, file];
}
