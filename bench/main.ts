/** The bench: servers × workloads, one table. `deno task bench --help` */
import { Cleanup } from "./lib/cleanup.ts";
import { Generator } from "./lib/generator.ts";
import { findBun, installPackages } from "./lib/install.ts";
import { describeMachine } from "./lib/machine.ts";
import { type BenchOptions, HELP, readOptions } from "./lib/options.ts";
import { findPinning } from "./lib/pinning.ts";
import { markdown, type Report } from "./lib/report.ts";
import { runRounds } from "./lib/run.ts";
import { summarize } from "./lib/summary.ts";

const options = askedFor();
const cleanup = new Cleanup();
try {
  await bench(options);
} finally {
  cleanup.runNow();
}
Deno.exit(0);

function askedFor(): BenchOptions {
  try {
    const options = readOptions(Deno.args);
    if (options !== undefined) return options;
    console.log(HELP);
    Deno.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}

async function bench(options: BenchOptions): Promise<void> {
  const startedAt = new Date();
  const bun = await findBun();
  if (options.peers.some((peer) => peer.needsPackages)) await installPackages();
  const pinning = await findPinning();
  const probe = cleanup.makeDirectory(options.directory);
  const machine = await describeMachine(probe, bun, pinning);
  cleanup.removeDirectory(probe);
  const generator = Generator.start(bun, pinning?.generator, cleanup);
  const run = await runRounds(options, {
    context: { deno: Deno.execPath(), bun, streamBytes: options.streamBytes },
    pinning,
    generator,
    cleanup,
  });
  await generator.stop(cleanup);
  write(options.out, {
    startedAt: startedAt.toISOString(),
    tookSeconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    command: ["deno task bench", ...Deno.args.filter(isNoPath)].join(" "),
    machine,
    tables: summarize(run.samples, options.peers, options.workloads),
    run,
  });
}

function write(directory: string, report: Report): void {
  const name = report.startedAt.replaceAll(":", "-").replace(/\.\d+Z$/, "Z");
  const text = markdown(report);
  Deno.mkdirSync(directory, { recursive: true });
  Deno.writeTextFileSync(`${directory}/${name}.md`, text);
  Deno.writeTextFileSync(`${directory}/${name}.json`, JSON.stringify(report, null, 2) + "\n");
  console.log(text);
  console.error(`written: ${directory}/${name}.md and .json`);
}

// Results are meant to be shared; where somebody's directories lie is not.
function isNoPath(argument: string): boolean {
  return !argument.startsWith("/") && !argument.includes("=/");
}
