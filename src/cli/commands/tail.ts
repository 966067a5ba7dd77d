import { ClientError } from "../../client/errors/client_error.ts";
import { NOW, START } from "../../client/transport/place.ts";
import { isTransient } from "../../client/transport/response_error.ts";
import { DEFAULT_CONTENT_TYPE } from "../../protocol/content_type.ts";
import { CommandError } from "../context/command_error.ts";
import { EXIT } from "../context/exit_code.ts";
import { integerFlag, switchFlag } from "../flags/flag.ts";
import { PROGRAM } from "../context/program_name.ts";
import { UsageError } from "../flags/usage_error.ts";
import { jsonOutputFlag, prefixFlag } from "../flags/common_flags.ts";
import { findStart } from "./reading/find_start.ts";
import { followStreams } from "./reading/follow_streams.ts";
import { Printer } from "./output/printer.ts";
import { printMissed, readerOptionsOf, readingFlags } from "./reading/reading_flags.ts";
import { readLast } from "./reading/read_last.ts";
import { firstFailure, isGlob, namedStreams, PATHS, withOneOf } from "./session/several_streams.ts";
import { onlyName } from "./session/session.ts";
import { SharedOutput } from "./output/shared_output.ts";
import { chosenPoint, fromFlag, sinceFlag } from "../flags/starting_point.ts";
import { streamCommand, type StreamTask } from "./session/stream_command.ts";
import { tailCountFlag } from "../flags/tail_count.ts";

const DEFAULT_LINES = 10;

const flags = {
  lines: tailCountFlag(DEFAULT_LINES),
  follow: switchFlag({
    name: "follow",
    short: "f",
    help: "Follow the stream: print what is appended, until it is closed.",
    commandLineOnly: true,
  }),
  from: { ...fromFlag, help: `${fromFlag.help} In place of -n.` },
  since: sinceFlag,
  prefix: prefixFlag,
  maxStreams: integerFlag({
    name: "max-streams",
    min: 1,
    max: 10_000,
    default: 100,
    help: "How many streams -f may follow at once, by one connection where the server offers that.",
    commandLineOnly: true,
  }),
  ...readingFlags,
  json: jsonOutputFlag,
};

/** `durable-streams tail PATH...`: the end of streams, and what is appended to them. */
export const tailCommand = streamCommand({
  name: "tail",
  summary: "Write the last messages of a stream to stdout; with -f, follow it.",
  details: `
Of a JSON stream -n counts messages, of any other one lines. With -f a server that goes away is
waited for, and nothing is left out or doubled when it is back. Closing the stream ends it, with 0.
The output is that of "read". With --json, what comes while it is followed has "receivedAt".

Of several streams each has a line with its name before what comes from it, and with --json each
object has "stream". A PATH with a segment that is * or ** stands for all streams that fit: * for
any one segment, ** for any number. With -f it and --prefix take those that come later too, within
seconds. It ends when all that there are have been closed.`,
  examples: [
    ["durable-streams tail logs/demo -n 20", "the last 20 lines"],
    ["durable-streams tail -f logs/demo --since 10m", "the last ten minutes, and what comes"],
    ["durable-streams tail -f --prefix logs/", "what comes to all streams below logs/"],
    ["durable-streams tail -f 'jobs/*/log'", "what comes to the log of each job"],
  ],
  args: [PATHS],
  flags,
  mayFollow: (values) => values.get(flags.follow),
  run,
});

/** One of the streams that are printed. */
interface TailTarget {
  readonly task: StreamTask;
  readonly name: string;
  /** The output that several streams share. */
  readonly output: SharedOutput | undefined;
  /** Ends the following when another stream fails in a way that concerns all. */
  readonly signal: AbortSignal | undefined;
}

/** Whether the streams are those that are found, and not named one by one. */
function areFound({ session, values }: StreamTask): boolean {
  return values.get(flags.prefix) !== undefined || session.names.some(isGlob);
}

async function run(task: StreamTask): Promise<number> {
  const { session, context, values } = task;
  checkTogether(task);
  if (!areFound(task) && session.names.length === 1 && onlyName(session) !== "") {
    await tailOne({ task, name: onlyName(session), output: undefined, signal: undefined });
    return EXIT.ok;
  }
  const output = new SharedOutput(context);
  return values.get(flags.follow)
    ? await followAll(task, output)
    : await tailEach(task, namedStreams("tail", task), output);
}

function checkTogether({ values }: StreamTask): void {
  const point = chosenPoint(values.get(flags.from), values.get(flags.since));
  if (point === undefined || values.get(flags.lines) === undefined) return;
  const name = values.get(flags.from) === undefined ? "--since" : "--from";
  throw new UsageError(`${name} and -n both say where to begin; accepted: one of them`);
}

async function tailEach(
  task: StreamTask,
  names: AsyncIterable<string> | readonly string[],
  output: SharedOutput,
): Promise<number> {
  const exitCodes: number[] = [];
  for await (const name of names) {
    const target = { task, name, output, signal: undefined };
    exitCodes.push(await withOneOf(task, name, () => tailOne(target)));
  }
  return firstFailure(exitCodes);
}

async function followAll(task: StreamTask, output: SharedOutput): Promise<number> {
  const { context } = task;
  const deleted = new Set<string>();
  const noteDeleted = (name: string, error: unknown) => {
    const isDeleted = error instanceof ClientError &&
      (error.code === "not_found" || error.code === "gone");
    if (isDeleted) deleted.add(name);
    throw error;
  };
  const exitCodes = await followStreams({
    clock: context.clock,
    names: await withinLimit(task, namedStreams("tail", task)),
    listNames: areFound(task) ? laterNames(task) : undefined,
    follow: (name, isNew, signal) => {
      deleted.delete(name);
      const target = { task, name, output, signal };
      return withOneOf(task, name, async () => {
        await (isNew ? printFrom(target, START) : tailOne(target))
          .catch((error: unknown) => noteDeleted(name, error));
      });
    },
    wasDeleted: (name) => deleted.has(name),
  });
  return firstFailure(exitCodes);
}

/**
 * Lists the streams that the prefix names now. A server that is lost meanwhile is left to the streams that
 * are followed, which wait for it; that there are more streams than the limit is printed once.
 */
function laterNames(task: StreamTask): () => Promise<readonly string[]> {
  let isReported = false;
  return async () => {
    try {
      return await withinLimit(task, namedStreams("tail", task));
    } catch (error) {
      if (error instanceof UsageError) {
        if (!isReported) {
          task.context.printError(`${PROGRAM}: ${error.message}; later ones are left out`);
        }
        isReported = true;
      } else if (!(error instanceof CommandError || isTransient(error))) {
        throw error;
      }
      return [];
    }
  };
}

async function withinLimit(
  { values }: StreamTask,
  names: AsyncIterable<string> | readonly string[],
): Promise<readonly string[]> {
  const limit = values.get(flags.maxStreams);
  const taken: string[] = [];
  for await (const name of names) {
    if (taken.length === limit) {
      throw new UsageError(
        `there are more streams than --max-streams allows (${limit}); accepted: fewer, or a greater ` +
          "--max-streams",
      );
    }
    taken.push(name);
  }
  return taken;
}

async function tailOne(target: TailTarget): Promise<void> {
  const { session, values, context } = target.task;
  const point = chosenPoint(values.get(flags.from), values.get(flags.since));
  const lines = values.get(flags.lines) ?? { kind: "last", count: DEFAULT_LINES };
  if (point !== undefined) {
    await printFrom(target, await findStart(point, session, target.name, context));
  } else if (lines.kind === "from") {
    await printFrom(target, START, Math.max(0, lines.count - 1));
  } else {
    const offset = await printLast(target, lines.count);
    if (offset !== undefined) await printFrom(target, offset);
  }
}

/** Prints the last lines; returns where to continue, if the stream is followed. */
async function printLast(target: TailTarget, count: number): Promise<string | undefined> {
  const { session, values } = target.task;
  const follow = values.get(flags.follow);
  if (count === 0) return follow ? NOW : undefined;
  const last = await readLast(session, target.name, count, readerOptionsOf(target.task.values));
  await openPrinter(target, last.contentType).print(last.messages);
  return follow && !last.closed ? last.offset : undefined;
}

async function printFrom(target: TailTarget, offset: string, skip = 0): Promise<void> {
  const { session, values, context } = target.task;
  const follow = values.get(flags.follow);
  const reader = session.client.reader(target.name, {
    offset,
    ...(follow ? {} : { readMode: "catch-up" }),
    ...(target.signal === undefined ? {} : { signal: target.signal }),
    maxElapsedMs: session.maxElapsedMs,
    ...readerOptionsOf(values),
  });
  try {
    let printer: Printer | undefined;
    let isLast = false;
    let isLive = false;
    while (!isLast) {
      const batch = await reader.read();
      printMissed(context, target.name, batch.missed);
      printer ??= openPrinter(target, reader.contentType ?? DEFAULT_CONTENT_TYPE, skip);
      await printer.print(batch.messages, isLive ? context.clock.nowMs() : undefined);
      // From here on messages arrive about when they are written.
      isLive ||= batch.upToDate;
      isLast = batch.closed || (batch.upToDate && !follow);
    }
  } finally {
    await reader.close();
  }
}

function openPrinter({ task, name, output }: TailTarget, contentType: string, skip = 0): Printer {
  const { context, values } = task;
  const machine = values.get(flags.json);
  return new Printer({
    write: output === undefined || machine
      ? (bytes) => context.write(bytes)
      : (bytes) => output.write(name, bytes),
    contentType,
    machine,
    skip,
    ...(output === undefined ? {} : { stream: name }),
  });
}
