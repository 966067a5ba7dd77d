/** The bench: servers × workloads, one table. `deno task bench --help` */
import { Cleanup } from "./processes/cleanup.ts";
import { errorText } from "./system/error_text.ts";
import { Generator } from "./processes/generator.ts";
import { findBun, installPackages } from "./system/install.ts";
import { describeMachine } from "./system/machine.ts";
import { type BenchOptions, HELP, type ParsedOptions, readOptions } from "./run/options.ts";
import { findPinning } from "./system/pinning.ts";
import { drawPlot } from "./report/plot.ts";
import { findPrograms } from "./run/find_programs.ts";
import { markdown, type Report } from "./report/report.ts";
import { runRounds } from "./run/run.ts";
import { summarize } from "./report/summary.ts";
import { WORKLOADS } from "./workloads/mod.ts";

const asked = parsedOptions();
if (asked === "help") console.log(HELP);
else if (asked === "list") listCases();
else await runAndCleanUp(asked);
Deno.exit(0);

function parsedOptions(): ParsedOptions {
  try {
    return readOptions(Deno.args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}

function listCases(): void {
  const options = {
    connections: undefined,
    streams: undefined,
    streamBytes: 64 * 2 ** 20,
    steadySeconds: 12,
  };
  for (const one of WORKLOADS.flatMap((workload) => workload.cases(options))) {
    console.log(`${one.selection.padEnd(8)} ${one.id}`);
  }
}

async function runAndCleanUp(options: BenchOptions): Promise<void> {
  const cleanup = new Cleanup();
  try {
    await bench(options, cleanup);
  } finally {
    cleanup.runNow();
  }
}

async function bench(options: BenchOptions, cleanup: Cleanup): Promise<void> {
  const startedAt = new Date();
  const bun = await findBun();
  const { programs, missing } = await findPrograms(options.peers, options.programs);
  const peers = options.peers.filter((peer) => !missing.some((one) => one.server === peer.name));
  for (const one of missing) console.error(`left out: ${one.server}: ${one.reason}`);
  if (peers.some((peer) => peer.needsPackages)) await installPackages();
  const pinning = options.pinned ? await findPinning() : undefined;
  const probe = cleanup.makeDirectory(options.directory);
  const machine = await describeMachine(probe, bun, pinning, programs);
  cleanup.removeDirectory(probe);
  const generator = Generator.start(bun, pinning?.generator, cleanup);
  const run = await runRounds(options, {
    context: {
      deno: Deno.execPath(),
      bun,
      streamBytes: options.streamBytes,
      oursArgs: options.oursArgs,
    },
    programs,
    pinning,
    generator,
    cleanup,
  }, peers);
  await generator.stop(cleanup);
  await write(options.out, {
    startedAt: startedAt.toISOString(),
    tookSeconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    command: ["deno task bench", ...Deno.args.map(withoutPath)].join(" "),
    machine,
    tables: summarize(run.samples, peers, options.cases),
    run: { ...run, failures: [...missing, ...run.failures] },
  });
}

async function write(directory: string, report: Report): Promise<void> {
  const name = report.startedAt.replaceAll(":", "-").replace(/\.\d+Z$/, "Z");
  Deno.mkdirSync(directory, { recursive: true });
  const plot = await plotFor(report);
  const text = markdown(report, plot === undefined ? undefined : `${name}.svg`);
  Deno.writeTextFileSync(`${directory}/${name}.md`, text);
  Deno.writeTextFileSync(`${directory}/${name}.json`, JSON.stringify(report, null, 2) + "\n");
  if (plot !== undefined) Deno.writeTextFileSync(`${directory}/${name}.svg`, plot);
  console.log(text);
  console.error(`written: ${directory}/${name}.md, .json${plot === undefined ? "" : " and .svg"}`);
}

// What was measured is worth more than a picture of it.
async function plotFor(report: Report): Promise<string | undefined> {
  try {
    return await drawPlot(report);
  } catch (error) {
    console.error(`no plot: ${errorText(error)}`);
    return undefined;
  }
}

// Results are meant to be shared; where somebody's directories lie is not.
function withoutPath(argument: string): string {
  return argument.startsWith("/") || argument.includes("=/") ? "…" : argument;
}
