import { NOW } from "../../client/place.ts";
import { DEFAULT_CONTENT_TYPE } from "../../protocol/content_type.ts";
import { EXIT } from "../exit_code.ts";
import { integerFlag, optionalFlag, switchFlag } from "../flag.ts";
import { UsageError } from "../usage_error.ts";
import { jsonOutputFlag } from "./common_flags.ts";
import { findStart } from "./find_start.ts";
import { Printer } from "./printer.ts";
import { readLast } from "./read_last.ts";
import { onlyName } from "./session.ts";
import { fromFlag } from "./starting_point.ts";
import { PATH, type StreamTask, streamVerb } from "./stream_verb.ts";

const DEFAULT_LINES = 10;

const flags = {
  lines: optionalFlag(integerFlag({
    name: "lines",
    short: "n",
    min: 0,
    max: 10_000_000,
    default: DEFAULT_LINES,
    help: `Begin with so many messages or lines before the tail; ${DEFAULT_LINES} unless given.`,
    commandLineOnly: true,
  })),
  follow: switchFlag({
    name: "follow",
    short: "f",
    help: "Go on with what comes, until the stream is closed.",
    commandLineOnly: true,
  }),
  from: { ...fromFlag, help: `${fromFlag.help} In place of -n.` },
  json: jsonOutputFlag,
};

/** `durable-streams tail PATH`: the end of a stream, and what comes. */
export const tailVerb = streamVerb({
  name: "tail",
  summary: "Write the last messages of a stream to stdout; with -f, follow it.",
  details: `
Of a JSON stream -n counts messages, of any other one lines. With -f a server that goes away is
waited for, and nothing is left out or doubled when it is back. Closing the stream ends it, with 0.
The output is that of "read".`,
  words: [PATH],
  flags,
  mayFollow: (values) => values.get(flags.follow),
  run,
});

async function run(task: StreamTask): Promise<number> {
  const { session, values, shell } = task;
  const point = values.get(flags.from);
  const lines = values.get(flags.lines);
  if (point !== undefined && lines !== undefined) {
    throw new UsageError("--from and -n both say where to begin; accepted: one of them");
  }
  const offset = point === undefined
    ? await printLast(task, lines ?? DEFAULT_LINES)
    : await findStart(point, session, shell);
  if (offset === undefined) return EXIT.ok;
  await printFrom(task, offset);
  return EXIT.ok;
}

/** Prints the last lines; where to go on, if that is wanted. */
async function printLast(task: StreamTask, count: number): Promise<string | undefined> {
  const { session, values } = task;
  const follow = values.get(flags.follow);
  if (count === 0) return follow ? NOW : undefined;
  const last = await readLast(session, count);
  await openPrinter(task, last.contentType).print(last.messages);
  return follow && !last.closed ? last.offset : undefined;
}

async function printFrom(task: StreamTask, offset: string): Promise<void> {
  const { session, values } = task;
  const follow = values.get(flags.follow);
  const reader = session.client.reader(onlyName(session), {
    offset,
    ...(follow ? {} : { readMode: "catch-up" }),
    maxElapsedMs: session.patienceMs,
  });
  try {
    let printer: Printer | undefined;
    let isLast = false;
    while (!isLast) {
      const answer = await reader.read();
      printer ??= openPrinter(task, reader.contentType ?? DEFAULT_CONTENT_TYPE);
      await printer.print(answer.messages);
      isLast = answer.closed || (answer.upToDate && !follow);
    }
  } finally {
    await reader.close();
  }
}

function openPrinter({ shell, values }: StreamTask, contentType: string): Printer {
  return new Printer(shell, { contentType, machine: values.get(flags.json) });
}
