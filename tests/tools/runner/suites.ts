import { existsSync } from "node:fs";
import {
  addParts,
  type Counts,
  parseClosingLine,
  parseDenoTest,
  parseHistories,
} from "./counts.ts";
import { inRepo } from "../repo.ts";
import { countDenoTests } from "./test_counter.ts";

/** One command of tests and how its result is read. */
export interface Suite {
  readonly name: string;
  readonly command: readonly string[];
  /** Reads the counts from what the command wrote; undefined where it never came to them. */
  readonly parse: (output: string) => Counts | undefined;
  /** Counts what came to a result in a run that ended before its time; nothing unless given. */
  readonly parsePart?: (output: string) => Counts;
  /** How long it takes on a machine with two slow cores; the limit is at least three times that. */
  readonly usualSeconds?: number;
  readonly limitMinutes: number;
  /** Only `deno task test:all` runs it. */
  readonly long?: boolean;
  /** A folder of tests that is this suite's own: the unit tests leave it out. */
  readonly folder?: string;
  /** It needs `tests/node_modules`. */
  readonly needsTools?: boolean;
  /** It waits more than it computes: another such suite runs beside it. The rest have all cores. */
  readonly sharesCores?: boolean;
  /** A run without a test is a failure, except where this says why there may be none yet. */
  readonly mayBeEmpty?: boolean;
}

const deno = Deno.execPath();
/** Under tests/ Deno takes tests/deno.json unless told otherwise: the program's packages are here. */
const script = [deno, "run", "-A", "-c", "deno.json"];

/** How what `deno test` writes is read. */
const denoTest = { parse: parseDenoTest, parsePart: countDenoTests };

const OTHERS: readonly Suite[] = [
  {
    name: "examples in docstrings",
    command: [deno, "test", "-A", "--doc", "src"],
    ...denoTest,
    limitMinutes: 5,
    // Examples are asked of the entry points only.
    mayBeEmpty: !existsSync(inRepo("src", "mod.ts")),
  },
  {
    name: "runtime",
    command: [deno, "test", "-A", "tests/runtime"],
    ...denoTest,
    usualSeconds: 300,
    limitMinutes: 20,
    long: true,
    folder: "tests/runtime",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "readme",
    command: [deno, "test", "-A", "tests/readme"],
    ...denoTest,
    usualSeconds: 25,
    limitMinutes: 8,
    folder: "tests/readme",
    // One of its examples runs on Node, which takes what is built.
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "commands",
    command: [deno, "test", "-A", "tests/commands"],
    ...denoTest,
    usualSeconds: 180,
    limitMinutes: 15,
    long: true,
    folder: "tests/commands",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "package",
    command: [deno, "test", "-A", "tests/package"],
    ...denoTest,
    usualSeconds: 150,
    limitMinutes: 15,
    long: true,
    folder: "tests/package",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "embedding",
    command: [deno, "test", "-A", "tests/embedding"],
    ...denoTest,
    limitMinutes: 8,
    long: true,
    folder: "tests/embedding",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "kill",
    command: [deno, "test", "-A", "tests/kill"],
    ...denoTest,
    usualSeconds: 170,
    limitMinutes: 18,
    long: true,
    folder: "tests/kill",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "crash histories",
    // The same in every run: new ones come with `deno task crash` and the tests of every change.
    command: [...script, "tests/crash/run.ts", "--count", "10000"],
    parse: parseClosingLine,
    parsePart: parseHistories,
    usualSeconds: 167,
    limitMinutes: 20,
    long: true,
  },
  {
    name: "crash histories of subscriptions",
    command: [...script, "tests/crash/run.ts", "--count", "3000", "--subscriptions"],
    parse: parseClosingLine,
    parsePart: parseHistories,
    usualSeconds: 90,
    limitMinutes: 15,
    long: true,
  },
  {
    name: "crash histories on nats",
    command: [...script, "tests/crash/run.ts", "--count", "1500", "--nats"],
    parse: parseClosingLine,
    parsePart: parseHistories,
    usualSeconds: 40,
    limitMinutes: 8,
    long: true,
  },
  {
    name: "seeded bugs",
    command: [deno, "test", "-A", "--parallel", "tests/crash/seeded"],
    ...denoTest,
    usualSeconds: 125,
    limitMinutes: 20,
    long: true,
    folder: "tests/crash/seeded",
  },
  {
    name: "corruption",
    command: [deno, "test", "-A", "--parallel", "tests/corruption"],
    ...denoTest,
    usualSeconds: 143,
    limitMinutes: 20,
    long: true,
    folder: "tests/corruption",
  },
  {
    name: "linearizability",
    command: [deno, "test", "-A", "tests/linearizability"],
    ...denoTest,
    usualSeconds: 76,
    limitMinutes: 12,
    long: true,
    folder: "tests/linearizability",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "nats",
    // Each of its files has servers of its own, and waits for them.
    command: [deno, "test", "-A", "tests/nats"],
    ...denoTest,
    usualSeconds: 190,
    limitMinutes: 12,
    long: true,
    folder: "tests/nats",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "hostile",
    command: [deno, "test", "-A", "tests/hostile"],
    ...denoTest,
    usualSeconds: 365,
    limitMinutes: 24,
    long: true,
    folder: "tests/hostile",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "deploy",
    command: [deno, "test", "-A", "tests/deploy"],
    ...denoTest,
    usualSeconds: 60,
    limitMinutes: 8,
    long: true,
    folder: "tests/deploy",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "disk",
    command: [deno, "test", "-A", "tests/disk"],
    ...denoTest,
    usualSeconds: 26,
    limitMinutes: 8,
    long: true,
    folder: "tests/disk",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "client",
    command: [deno, "test", "-A", "tests/client/hostile"],
    ...denoTest,
    usualSeconds: 35,
    limitMinutes: 8,
    long: true,
    folder: "tests/client/hostile",
    sharesCores: true,
  },
  {
    name: "compat",
    // What it drives is installed beside the tests, and its own types are checked here only.
    command: [deno, "test", "-A", "-c", "tests/deno.json", "tests/compat"],
    ...denoTest,
    usualSeconds: 200,
    limitMinutes: 15,
    long: true,
    folder: "tests/compat",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "page",
    // As with compat: its browser is installed beside the tests.
    command: [deno, "test", "-A", "-c", "tests/deno.json", "tests/page/browser"],
    ...denoTest,
    usualSeconds: 200,
    limitMinutes: 15,
    long: true,
    folder: "tests/page/browser",
    needsTools: true,
    sharesCores: true,
  },
  {
    name: "conformance",
    command: [...script, "tests/conformance/run.ts"],
    parse: parseClosingLine,
    parsePart: addParts,
    usualSeconds: 93,
    limitMinutes: 15,
    long: true,
    needsTools: true,
  },
];

/** The folders that are a suite's own, and everything else under tests/ is a unit test. */
const apart = OTHERS.flatMap(({ folder }) => folder === undefined ? [] : [`--ignore=${folder}`]);

/** Every suite there is, in the order they run. */
export const SUITES: readonly Suite[] = [
  {
    name: "unit tests",
    command: [deno, "test", "-A", "--parallel", ...apart, "tests"],
    ...denoTest,
    usualSeconds: 240,
    limitMinutes: 24,
    // One of them asks Bun.
    needsTools: true,
  },
  ...OTHERS,
];
