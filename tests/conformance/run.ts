/**
 * `deno task conformance`: the protocol's own suite against the program, side by side on every
 * target. `--target deno-file` picks some (it may be given again); `--only TEXT` runs the tests
 * whose name matches, without asking for the whole suite.
 */
import { parseArgs } from "node:util";
import { addCounts, closingLine, NONE } from "../tools/runner/counts.ts";
import { installTestTools } from "../tools/install.ts";
import type { Report } from "./report.ts";
import { runTarget } from "./run_target.ts";
import { type Target, TARGETS } from "./targets.ts";

const { values: { target: names, only } } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    only: { type: "string" },
  },
});

const targets = names === undefined ? TARGETS : names.map(findTarget);
await installTestTools();
const reports = await Promise.all(targets.map(runAndPrint));
const total = reports.map((report) => report.counts).reduce(addCounts, NONE);
console.log(closingLine(total));
Deno.exit(total.failed === 0 ? 0 : 1);

async function runAndPrint(target: Target): Promise<Report> {
  const startedAt = performance.now();
  const report = await runTarget(target, only);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  for (const { name, message } of report.failures) {
    console.log(
      `FAILED on ${target.name}: ${name}\n${message.replace(/^/gm, "    ")}`,
    );
  }
  console.log(`${target.name}: ${closingLine(report.counts)} in ${seconds} s`);
  return report;
}

function findTarget(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found !== undefined) return found;
  console.error(
    `There is no target "${name}": choose ${TARGETS.map((target) => target.name).join(", ")}.`,
  );
  Deno.exit(2);
}
