import { match, ok } from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { LIMIT_MINUTES, SHARED } from "../../crash/seeded/find_bugs.ts";
import { seedBug } from "../../crash/seeded/seeded_copy.ts";
import { natsTest } from "../../support/nats/find_nats_server.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { runCommand } from "../../tools/command.ts";
import { inRepo } from "../../tools/repo.ts";
import { REAL_BUGS } from "./real_bugs.ts";

/** `NATS_TESTS=all` plants all of them: with those that take longer, or need luck, about two minutes. */
const HAS_ALL = process.env["NATS_TESTS"] === "all";
/** One that only a moment of a kill shows may stay hidden: so often is it looked for. */
const MOST_ATTEMPTS = 3;
/** What tests on real servers need to run, and the program. */
const COPIED = [
  "main.ts",
  "src",
  "tests/contract/model.ts",
  "tests/kill",
  "tests/linearizability",
  "tests/nats",
  "tests/support",
  "tests/tools",
  "deno.json",
  "package.json",
];

for (const bug of REAL_BUGS) {
  const name = `found on real servers: ${bug.name}`;
  if (!HAS_ALL && bug.isQuick !== true) {
    Deno.test({ name: `${name} (skipped: needs NATS_TESTS=all)`, ignore: true, fn: () => {} });
    continue;
  }
  natsTest(name, () =>
    withTempDir(async (dir) => {
      seedBug(dir, bug, COPIED);
      symlinkSync(inRepo("tests", "node_modules"), join(dir, "tests", "node_modules"));
      const command = [Deno.execPath(), "test", ...SHARED, "--filter", bug.test, bug.file];
      let found = await runCommand(command, { cwd: dir, limitMinutes: LIMIT_MINUTES });
      for (let attempts = 1; found.code === 0 && attempts < MOST_ATTEMPTS; attempts++) {
        found = await runCommand(command, { cwd: dir, limitMinutes: LIMIT_MINUTES });
      }
      ok(found.code !== 0, `"${bug.test}" finds it:\n${found.output}`);
      match(found.output, bug.message);
    }));
}
