import { deepEqual } from "node:assert/strict";
import { normalizeArgs } from "../../src/cli/normalize_args.ts";
import { commands } from "../../src/cli/commands.ts";

function rewritten(...args: string[]): readonly string[] {
  return normalizeArgs(args, commands);
}

Deno.test("tail takes the counts that tail has always taken", () => {
  deepEqual(rewritten("tail", "-5", "a"), ["tail", "-n", "5", "a"]);
  deepEqual(rewritten("tail", "a", "-20f"), ["tail", "a", "-n", "20", "-f"]);
  deepEqual(rewritten("tail", "-F", "a"), ["tail", "-f", "a"]);
});

Deno.test("a flag's value, a word and another command's are left as they are", () => {
  for (
    const args of [
      ["tail", "a", "--from", "-1"],
      ["tail", "a", "-n", "-2"],
      ["tail", "--", "-5"],
      ["read", "a", "-5"],
      ["version", "a"],
      [],
    ]
  ) deepEqual(rewritten(...args), args);
});

Deno.test("version and -v ask for the version", () => {
  deepEqual(rewritten("version"), ["--version"]);
  deepEqual(rewritten("-v"), ["--version"]);
});
