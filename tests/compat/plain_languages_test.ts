import { deepEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { inRepo } from "../tools/repo.ts";
import { followPlainly } from "./plain_follower.ts";

/** Java and Go without any package: what their own libraries have of HTTP is enough to follow a stream. */

/** What builds for half a minute at its first run is tried where it is asked for. */
const isWhole = process.env["COMPAT_TESTS"] === "all";

const LANGUAGES = [
  { name: "Java", isTried: true, version: ["java", "-version"], run: ["java", "java/Plain.java"] },
  { name: "Go", isTried: isWhole, version: ["go", "version"], run: ["go", "run", "go/plain.go"] },
];

for (const { name, isTried, version, run } of LANGUAGES) {
  const [program = "", ...args] = version;
  const isThere = process.env["CI"] === "true" || spawnSync(program, args).status === 0;
  const isMissing = !isTried || !isThere;
  const needed = isTried ? name : "COMPAT_TESTS=all";
  Deno.test({
    name: `plain ${name} follows a stream through ends of the connection` +
      (isMissing ? ` (skipped: needs ${needed})` : ""),
    ignore: isMissing,
    timeout: 120_000,
    fn: async () => {
      const main = [Deno.execPath(), "run", "-A", inRepo("main.ts")];
      const written = await followPlainly(main, run);
      const arrays = written.trim().split("\n").map((line) => JSON.parse(line));
      deepEqual(arrays.flat(), [{ n: 1 }, "wörld 🌍", 3]);
    },
  });
}
