/**
 * `deno task test` and `deno task test:all`: every suite in turn, and one closing line.
 *
 * `--all` adds the long suites; `--only NAME` runs those whose name contains NAME.
 */
import { parseArgs } from "node:util";
import { runCommand } from "./command.ts";
import { addCounts, closingLine, type Counts, NONE } from "./counts.ts";
import { installTestTools } from "./install.ts";
import { judge } from "./judge.ts";
import { type Suite, SUITES } from "./suites.ts";

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
for (const suite of chosen) total = addCounts(total, await runSuite(suite));
console.log(closingLine(total));
Deno.exit(total.failed === 0 ? 0 : 1);

async function runSuite(suite: Suite): Promise<Counts> {
  const startedAt = performance.now();
  const { code, output } = await runWithTools(suite);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const { counts, complaint } = judge(suite, code, output);
  // Set off, so that a closing line among it isn't taken for this run's.
  if (counts.failed > 0) console.log(output.trimEnd().replace(/^/gm, "  | "));
  if (complaint !== undefined) console.log(`${suite.name}: ${complaint}`);
  console.log(`${suite.name}: ${closingLine(counts)} in ${seconds} s`);
  return counts;
}

async function runWithTools(
  suite: Suite,
): Promise<{ code: number; output: string }> {
  try {
    if (suite.needsTools === true) await installTestTools();
    return await runCommand(suite.command, suite);
  } catch (error) {
    return { code: 1, output: String(error) };
  }
}
