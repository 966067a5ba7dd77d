import type { Reader } from "../../client/reader/reader.ts";
import type { StreamData } from "../../client/reader/options.ts";
import { START } from "../../client/transport/place.ts";
import { DEFAULT_CONTENT_TYPE } from "../../protocol/content_type.ts";
import { tokenPosition } from "../../protocol/offset.ts";
import { EXIT } from "../context/exit_code.ts";
import { integerFlag, optionalFlag } from "../flags/flag.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { findStart } from "./reading/find_start.ts";
import { Printer } from "./output/printer.ts";
import { Progress } from "./output/progress.ts";
import { onlyName } from "./session/session.ts";
import { chosenPoint, fromFlag, sinceFlag, type StartingPoint } from "../flags/starting_point.ts";
import { UsageError } from "../flags/usage_error.ts";
import { printMissed, readerOptionsOf, readingFlags } from "./reading/reading_flags.ts";
import { readLast } from "./reading/read_last.ts";
import { PATH, streamCommand, type StreamTask } from "./session/stream_command.ts";

const MAX_LAST = 10_000_000;

const flags = {
  from: fromFlag,
  since: sinceFlag,
  last: optionalFlag(integerFlag({
    name: "last",
    min: 0,
    max: MAX_LAST,
    default: 10,
    help: "Only the last messages, or lines of a stream that isn't JSON. In place of --from.",
    commandLineOnly: true,
  })),
  limit: optionalFlag(integerFlag({
    name: "limit",
    short: "n",
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    default: 1,
    help: "Stop after so many messages, or lines of a stream that isn't JSON.",
    commandLineOnly: true,
  })),
  ...readingFlags,
  json: jsonOutputFlag,
};

/** `durable-streams read PATH`: the content of a stream, up to its tail. */
export const readCommand = streamCommand({
  name: "read",
  summary: "Write what a stream holds to stdout, up to its tail.",
  details: `
The bytes come as they are; of a JSON stream each message comes on a line of its own.
With --json, one object per line: {"offset": …, "value": …}, and of other streams "text" or
"base64" for what one answer of the server carried. --from goes on right after it at its
"offset", or at the "place" that it has where the server gave no offset.`,
  examples: [
    ["durable-streams read logs/demo", "all of it"],
    ["durable-streams read logs/demo --limit 10", "the first ten lines"],
    ["durable-streams read users --last 5", "the last five messages"],
    [
      "durable-streams read users --since 7d --json",
      "what came in the last week, an object per line",
    ],
  ],
  args: [PATH],
  flags,
  run,
});

async function run(task: StreamTask): Promise<number> {
  const { session, context, values } = task;
  const chosen = chosenPoint(values.get(flags.from), values.get(flags.since));
  const last = values.get(flags.last);
  if (last !== undefined) return await printLast(task, last, chosen);
  const point = chosen ?? fromStart;
  const offset = await findStart(point, session, onlyName(session), context);
  const progress = await openProgress(task, offset);
  const reader = session.client.reader(onlyName(session), {
    offset,
    readMode: "catch-up",
    maxElapsedMs: session.maxElapsedMs,
    ...readerOptionsOf(values),
  });
  try {
    await copy(reader, task, progress);
  } finally {
    progress.end();
    await reader.close();
  }
  return EXIT.ok;
}

async function printLast(
  task: StreamTask,
  count: number,
  chosen: StartingPoint | undefined,
): Promise<number> {
  const { session, values } = task;
  if (chosen !== undefined) {
    const name = values.get(flags.from) === undefined ? "--since" : "--from";
    throw new UsageError(`${name} and --last both say where to begin; accepted: one of them`);
  }
  const end = await readLast(session, onlyName(session), count, readerOptionsOf(values));
  if (count > 0) await openPrinter(task, end).print(end.messages);
  return EXIT.ok;
}

const fromStart = { kind: "place", offset: START } as const;

/** Fetches the next batch while one is written. */
async function copy(reader: Reader, task: StreamTask, progress: Progress): Promise<void> {
  let printer: Printer | undefined;
  let next = reader.read();
  while (true) {
    const batch = await next;
    printMissed(task.context, reader.path, batch.missed);
    printer ??= openPrinter(task, reader);
    const isLast = batch.upToDate || batch.closed;
    if (!isLast) next = prefetch(reader);
    await printer.print(batch.messages);
    progress.add(batch.data.length);
    if (isLast || printer.isDone) return;
  }
}

/** Begins a read in advance; its failure is reported when its turn comes. */
function prefetch(reader: Reader): Promise<StreamData> {
  const data = reader.read();
  data.catch(() => {});
  return data;
}

function openPrinter(
  { context, values }: StreamTask,
  { contentType }: { contentType: string | undefined },
): Printer {
  return new Printer({
    write: (bytes) => context.write(bytes),
    contentType: contentType ?? DEFAULT_CONTENT_TYPE,
    machine: values.get(flags.json),
    limit: values.get(flags.limit),
  });
}

/** Progress with a total if offsets are positions, as in this project's server. */
async function openProgress({ session, context }: StreamTask, offset: string): Promise<Progress> {
  const isShown = context.errorsIsTerminal && !context.outputIsTerminal;
  if (!isShown) return new Progress(context, false);
  const { nextOffset, earliestOffset } = await session.client.head(onlyName(session));
  const first = earliestOffset === undefined ? 0 : tokenPosition(earliestOffset);
  const start = offset === START ? first : tokenPosition(offset);
  const tail = tokenPosition(nextOffset);
  const total = start === undefined || tail === undefined ? undefined : tail - start;
  return new Progress(context, true, total);
}
