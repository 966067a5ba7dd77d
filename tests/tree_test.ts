import { deepStrictEqual as equal, ok } from "node:assert";
import { readProgram, readRepository } from "./tools/tree/read_tree.ts";
import {
  checkBarrels,
  checkDocstrings,
  checkImports,
  checkLengths,
  checkMentions,
  checkNamed,
  checkReachable,
  checkWords,
} from "./tools/tree/rules.ts";
import { WORKER_ENTRIES } from "./tools/tree/worker_entries.ts";

/** The most lines a file of the program has, and those that may have more: say why beside each. */
const LINES = 600;
const LONGER: readonly string[] = [];

const ENTRIES = ["main.ts", "src/cli/bin.ts", "src/mod.ts", "src/client/mod.ts"];
const BARRELS = ["src/mod.ts", "src/client/mod.ts"];

const program = await readProgram();
const repository = await readRepository();

Deno.test("imports point downward only", () => equal(checkImports(program), []));

Deno.test("no file is too long", () => equal(checkLengths(program, LINES, LONGER), []));

Deno.test("every file is reachable from an entry point", () => {
  equal(checkReachable(program, ENTRIES, WORKER_ENTRIES), []);
});

Deno.test("both compilers are told of every worker", () => {
  for (const file of ["deno.json", "tools/compile_bun.ts"]) {
    equal(checkNamed(WORKER_ENTRIES, file, repository.get(file) ?? ""), []);
  }
});

Deno.test("the type checker is never turned off, and no TODO is without an issue", () => {
  equal(checkWords(program), []);
});

Deno.test("every exported function, class and interface has a docstring", () => {
  equal(checkDocstrings(program), []);
});

Deno.test("only the entry points consist of re-exports", () => {
  equal(checkBarrels(program, BARRELS), []);
});

Deno.test("no file names a registry's host or a folder of one machine", () => {
  ok(repository.has("deno.json"));
  equal(checkMentions(repository), []);
});
