import { deepStrictEqual as equal, ok } from "node:assert";
import { checkCycles } from "./tools/tree/cycles.ts";
import { checkFolders } from "./tools/tree/folders.ts";
import { checkFunctions } from "./tools/tree/functions.ts";
import { checkMentionedNames } from "./tools/tree/mentioned_names.ts";
import { checkMentionedPaths } from "./tools/tree/mentioned_paths.ts";
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
import { checkTestNames } from "./tools/tree/test_names.ts";
import { checkVocabulary } from "./tools/tree/vocabulary.ts";
import { WORKER_ENTRIES } from "./tools/tree/worker_entries.ts";

/** The most lines that a file has, and those that may have more: say why beside each. */
const LINES = 600;
const LONGER: readonly string[] = [];
/** The most lines that a function has. */
const FUNCTION_LINES = 70;

const ENTRIES = [
  "main.ts",
  "src/cli/bin.ts",
  "src/mod.ts",
  "src/nats.ts",
  "src/client/mod.ts",
  "src/ai/mod.ts",
  "src/page/main.tsx",
  "src/page/charts.ts",
];
/** Of subscriptions (issue 25), until the routes import them. */
const UPCOMING = [
  "src/subscriptions/tokens.ts",
  "src/subscriptions/webhooks/http_transport.ts",
  "src/subscriptions/webhooks/signing_keys.ts",
  "src/subscriptions/webhooks/signature.ts",
];
/** Of the page, until the server serves it and its views are whole. */
const PAGE = ["src/page/ui/empty.tsx", "src/page/ui/figures.ts"];
const BARRELS = ["src/mod.ts", "src/nats.ts", "src/client/mod.ts", "src/ai/mod.ts"];

const program = await readProgram();
const repository = await readRepository();
/** All that is written in TypeScript: the program, its tests, the bench and the tools. */
const sources = new Map([...repository].filter(([path]) => /\.tsx?$/.test(path)));
/** The documents for those who work on the program, which name parts of it. */
const documents = new Map(
  ["CONTRIBUTING.md", "docs/ARCHITECTURE.md"].map((path) => [path, repository.get(path) ?? ""]),
);

Deno.test("imports point downward only", () => equal(checkImports(program), []));

Deno.test("no files import each other in a circle", () => equal(checkCycles(sources), []));

Deno.test("no file is too long", () => equal(checkLengths(sources, LINES, LONGER), []));

Deno.test("no function is too long", () => equal(checkFunctions(sources, FUNCTION_LINES), []));

Deno.test("each folder says what lives there", () => equal(checkFolders(repository), []));

Deno.test("no name has an old word", () => equal(checkVocabulary(sources), []));

Deno.test("the name of each test is a sentence", () => equal(checkTestNames(sources), []));

Deno.test("what documents name is there", () => {
  equal(checkMentionedPaths(repository), []);
  equal(checkMentionedNames(documents, sources), []);
});

Deno.test("every file is reachable from an entry point", () => {
  equal(checkReachable(program, [...ENTRIES, ...UPCOMING, ...PAGE], WORKER_ENTRIES), []);
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
