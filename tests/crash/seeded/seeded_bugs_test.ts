import { ok } from "node:assert";
import { runCommand } from "../../tools/command.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { SEEDED_BUGS } from "./bugs.ts";
import { SUBSCRIPTION_BUGS } from "./subscription_bugs.ts";
import { LIMIT_MINUTES, SHARED, testThatFound } from "./find_bugs.ts";
import { seedBug } from "./seeded_copy.ts";

/** The crash tests bite: each of these bugs, planted on a copy of the source, is found. */

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

// The others are those of subscriptions, in a file of their own: the two run side by side.
testThatFound(SEEDED_BUGS.filter((bug) => !SUBSCRIPTION_BUGS.includes(bug)));
