import { ok } from "node:assert";
import process from "node:process";
import { runCommand } from "../../tools/command.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import type { SeededBug } from "./seeded_bug.ts";
import { seedBug } from "./seeded_copy.ts";

const seconds = Number(process.env["CRASH_BUG_SECONDS"] ?? 90);
const FIRST_SEED = 1;
/** How the tests of a copy are run. */
export const SHARED = ["-A", "--no-check", "--no-lock", "-c", "deno.json"];
/** When a command of them is given up. */
export const LIMIT_MINUTES = 5;

/**
 * A test for each of these bugs: planted on a copy of the source, it is found. `CRASH_BUG_SECONDS` says how
 * long the histories may look for one (90); most are found in the first few.
 */
export function testThatFound(bugs: readonly SeededBug[]): void {
  for (const bug of bugs) {
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
}

function commandFor(bug: SeededBug): string[] {
  if (bug.test === undefined) {
    const kind = bug.subscriptions ? ["subscriptions"] : [];
    const args = [String(FIRST_SEED), String(seconds), ...kind];
    const search = bug.nats ? "tests/crash/nats/search.ts" : "tests/crash/history/search.ts";
    return [Deno.execPath(), "run", ...SHARED, search, ...args];
  }
  const filter = ["--filter", `/${bug.test}/`];
  const file = bug.file ?? "tests/crash/regression_test.ts";
  return [Deno.execPath(), "test", ...SHARED, ...filter, file];
}
