import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { sleep } from "../../client/transport/sleep.ts";
import type { CommandContext } from "../context/command_context.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import { PROGRAM } from "../context/program_name.ts";
import { copyFlags as flags, copyTokenFlags } from "../flags/copy_flags.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { describeUnknown, unknownVariables } from "../flags/unknown_variables.ts";
import { UsageError } from "../flags/usage_error.ts";
import { CopyRounds } from "./copy/copy_round.ts";
import { CopyReport } from "./copy/report.ts";
import { type RunWithSides, runWithSides } from "./copy/run_with_sides.ts";
import { isServer, openSide, type Side } from "./copy/side.ts";

/** How long a copy that follows waits between two rounds; longer where a round's listing takes long. */
const PAUSE_MS = 500;
const PAUSE_PER_LISTING = 2;

/** `durable-streams copy`: copies streams between servers and directories. */
export const copyCommand: CliCommand = {
  name: "copy",
  summary: "Copy streams from a server or a directory to another one.",
  details: `
Copies all streams, or those whose names begin with one of PREFIX: content, message by message in
JSON streams, content type, TTL or expiry, forks, and whether they are closed. What was appended is
read back and its SHA-256 compared. An interrupted copy is simply run again: it compares what is
there, goes on behind it, and nothing comes twice. A stream that has other content at the target
is refused, and the others are copied. With --follow it goes on with what comes. Offsets differ
between servers: --offsets writes down which are the same. docs/COPY.md has how to move to another
server.`,
  examples: [
    [
      "durable-streams copy --from ./data --to http://localhost:4437/v1/stream",
      "all streams of a directory that no server is using",
    ],
    [
      "durable-streams copy --from http://old:4437/v1/stream --to http://new:4437/v1/stream logs/",
      "those whose names begin so",
    ],
    [
      "durable-streams copy -f --from http://old:4437/v1/stream --to http://new:4437/v1/stream",
      "and what comes, until it is interrupted",
    ],
  ],
  args: [{ name: "PREFIX", help: "what the names begin with", optional: true, repeats: true }],
  flags,
  run,
};

async function run(values: FlagValues, { args, context }: Invocation): Promise<number> {
  const { from, to } = checkFlags(values, args);
  for (const variable of unknownVariables(context.environment)) {
    if (variable.meant !== undefined) {
      context.printError(`${PROGRAM}: ${describeUnknown(variable)}`);
    }
  }
  const failure = {
    tokenFlags: "--from-token or --to-token, each with -file too,",
    sideOf,
  };
  return await runWithSides(
    values,
    context,
    failure,
    (running) => copy({ from, to }, values, { ...running, args, context }),
  );
}

interface Copying extends RunWithSides {
  readonly args: readonly string[];
  readonly context: CommandContext;
}

async function copy(
  ends: { from: string; to: string },
  values: FlagValues,
  { args, context, sides, signal }: Copying,
): Promise<number> {
  const forEver = values.get(flags.follow);
  const isDryRun = values.get(flags.dryRun);
  const open = async (flag: "from" | "to", mayMake: boolean) => {
    const options = { flag, text: ends[flag], tokens: copyTokenFlags[flag], mayMake, forEver };
    const side = await openSide(options, values, context);
    sides.push(side);
    return side;
  };
  const from = await open("from", false);
  const to = await open("to", true);
  const isChecked = values.get(flags.check);
  const report = new CopyReport({
    values,
    context,
    isJson: values.get(flags.json),
    isDryRun,
    isChecked,
    offsetsFile: values.get(flags.offsets),
  });
  const rounds = new CopyRounds({
    from,
    to,
    isChecked,
    isDryRun,
    // Greater than any earlier run's.
    epoch: context.clock.nowMs(),
    producerId: (name) => producerId(from.shown, name),
    signal,
    onBytes: (bytes) => report.addBytes(bytes),
    selection: { args, areNames: values.get(flags.names) },
    parallel: values.get(flags.parallel),
    skipsExisting: values.get(flags.skipExisting),
    follows: forEver,
    onOutcome: (name, outcome) => report.onOutcome(name, outcome),
  });
  try {
    if (forEver) await follow(rounds, report, values, { context, signal });
    else await rounds.run();
    await report.end();
    return report.exitCode;
  } catch (error) {
    if (forEver && signal.aborted) await report.end();
    throw error;
  } finally {
    await report.close();
  }
}

/** Round after round, until both have been equal for as long as `--until-idle` says. */
async function follow(
  rounds: CopyRounds,
  report: CopyReport,
  values: FlagValues,
  { context: { clock }, signal }: { context: CommandContext; signal: AbortSignal },
): Promise<void> {
  const untilIdleMs = values.get(flags.untilIdleMs) ?? Infinity;
  let equalSinceMs: number | undefined;
  while (true) {
    const startMs = clock.nowMs();
    const isEqual = await report.onLag(await rounds.run());
    const nowMs = clock.nowMs();
    equalSinceMs = isEqual ? equalSinceMs ?? startMs : undefined;
    if (equalSinceMs !== undefined && nowMs - equalSinceMs >= untilIdleMs) return;
    const pauseMs = isEqual ? Math.max(PAUSE_MS, PAUSE_PER_LISTING * (nowMs - startMs)) : 0;
    if (pauseMs > 0) await sleep(clock, pauseMs, signal);
  }
}

/** @throws {UsageError} */
function checkFlags(values: FlagValues, args: readonly string[]): { from: string; to: string } {
  const [from, to] = [values.get(flags.from), values.get(flags.to)];
  if (from === undefined || to === undefined) {
    throw new UsageError(
      `copy needs --${from === undefined ? "from" : "to"}, a URL or a directory: ` +
        `${PROGRAM} copy --from URL|DIR --to URL|DIR`,
    );
  }
  if (samePlace(from) === samePlace(to)) {
    throw new UsageError("--from and --to are the same; accepted: two that differ");
  }
  if (values.get(flags.names) && args.length === 0) {
    throw new UsageError("--names says that the arguments are names, and there are none");
  }
  if (values.get(flags.untilIdleMs) !== undefined && !values.get(flags.follow)) {
    throw new UsageError("--until-idle needs --follow; accepted: both");
  }
  if (values.get(flags.dryRun) && values.get(flags.follow)) {
    throw new UsageError("--dry-run and --follow can't go together; accepted: one of them");
  }
  const needsListing = values.get(flags.follow) && !isServer(from);
  if (needsListing) {
    throw new UsageError(
      "--follow needs a running server, and --from is a directory, which doesn't grow while it is read; " +
        "accepted: --from URL",
    );
  }
  return { from, to };
}

function samePlace(text: string): string {
  return isServer(text) ? text.replace(/\/+$/, "") : resolve(text);
}

/** The copy's producer at a stream of the target: the same in every run, so that a later fences off an earlier. */
function producerId(from: string, name: string): string {
  return `copy/${createHash("sha256").update(`${from}\n${name}`).digest("hex").slice(0, 32)}`;
}

/** The side whose server a failure is about. */
function sideOf(error: unknown, sides: readonly Side[]): Side | undefined {
  const url = error instanceof Error && "url" in error ? String(error.url) : "";
  return sides.find(({ session }) => url.startsWith(session.baseUrl)) ?? sides.at(-1);
}
