/**
 * `deno task test` and `deno task test:all`: every suite, and one closing line. Those that wait more
 * than they compute run two at a time.
 *
 * `--all` adds the long suites; `--only NAME` runs those whose name contains NAME. While a suite runs it
 * is shown how far it is.
 */
import { parseArgs } from "node:util";
import process from "node:process";
import { type CommandResult, runCommand } from "./command.ts";
import { addCounts, closingLine, type Counts, NONE } from "./runner/counts.ts";
import { installTestTools } from "./install.ts";
import { buildPackage, IS_BUILT } from "./package_build.ts";
import { judge } from "./runner/judge.ts";
import { Progress } from "./runner/progress.ts";
import { runInOrder } from "./runner/schedule.ts";
import { type Suite, SUITES } from "./runner/suites.ts";

/** How often it is shown how far a suite is. */
const PROGRESS_MS = 1_000;

const { values: { all, only } } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    only: { type: "string" },
  },
});

const chosen = SUITES.filter((suite) =>
  only === undefined ? all || suite.long !== true : suite.name.includes(only)
);
if (chosen.length === 0) {
  const names = SUITES.map((suite) => suite.name).join(", ");
  console.log(`No suite's name contains "${only}": the suites are ${names}.`);
}

let total = chosen.length === 0 ? { ...NONE, failed: 1 } : NONE;
const sharing = chosen.filter((suite) => suite.sharesCores === true).length;
await runInOrder(chosen, async (suite) => {
  const counts = await runSuite(suite);
  total = addCounts(total, counts);
}, prepareToShare);
console.log(closingLine(total));
Deno.exit(total.failed === 0 ? 0 : 1);

/** Nobody may install or build anew what others run at the time: it is done once, before. */
async function prepareToShare(): Promise<void> {
  if (sharing < 2) return;
  try {
    await installTestTools();
    await buildPackage();
    process.env[IS_BUILT] = "yes";
  } catch (error) {
    // The suites that need it try it themselves, and fail.
    console.log(String(error));
  }
}

async function runSuite(suite: Suite): Promise<Counts> {
  const startedAt = performance.now();
  const result = await runWithProgress(suite);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const { counts, problem } = judge(suite, result);
  // Set off, so that a closing line among it isn't taken for this run's.
  if (counts.failed > 0) console.log(result.output.trimEnd().replace(/^/gm, "  | "));
  if (problem !== undefined) console.log(`${suite.name}: ${problem}`);
  console.log(`${suite.name}: ${closingLine(counts)} in ${seconds} s`);
  return counts;
}

async function runWithProgress(suite: Suite): Promise<CommandResult> {
  const output = {
    // Two at a time would draw over each other's line.
    isTerminal: process.stdout.isTTY === true && !(suite.sharesCores === true && sharing > 1),
    write: (text: string) => process.stdout.write(text),
  };
  const progress = new Progress(output, suite, performance.now());
  const timer = setInterval(() => progress.tick(performance.now()), PROGRESS_MS);
  try {
    if (suite.needsTools === true) await installTestTools();
    return await runCommand(suite.command, { ...suite, onOutput: (text) => progress.add(text) });
  } catch (error) {
    return { code: 1, output: String(error), hitLimit: false };
  } finally {
    clearInterval(timer);
    progress.clear();
  }
}
