import type { Work, WorkerOptions } from "../../client/subscriptions/worker.ts";
import { CommandError } from "../context/command_error.ts";
import { NoSuchProgram } from "../context/child_command.ts";
import { EXIT } from "../context/exit_code.ts";
import { optionalFlag, switchFlag, textFlag } from "../flags/flag.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { errorPrefix } from "./output/color.ts";
import { errorMessageOf } from "./output/error_message.ts";
import { machineFormat, plainFormat } from "./output/record_format.ts";
import { streamCommand, type StreamTask } from "./session/stream_command.ts";

const flags = {
  once: switchFlag({
    name: "once",
    help: "Do what is pending now, if anything, and end: 1 if the command failed.",
    commandLineOnly: true,
  }),
  name: optionalFlag(textFlag({
    name: "name",
    placeholder: "name",
    default: "",
    help: "What the server calls this worker where another asks who has the wake.",
    accepts: "a name of 1 to 256 characters",
    check: (text) => text !== "" && text.length <= 256,
    commandLineOnly: true,
  })),
  json: {
    ...jsonOutputFlag,
    help: "Give the command the messages as read --json prints them: an object per line.",
  },
};

/** `durable-streams worker SUBSCRIPTION -- COMMAND`: work by a command, woken by a subscription. */
export const workerCommand = streamCommand({
  name: "worker",
  summary: "Run a command with the messages that wake a subscription, and acknowledge them.",
  details: `
Waits for wakes of a pull-wake subscription, claims them, and runs the command for each stream that
has something new, with the messages on its stdin as read prints them; a long backlog comes in
several runs. Exit 0 acknowledges them; after anything else they come again, later each time.
Several workers of one subscription take turns; when one dies, another takes over after the lease.
It goes on until SIGINT or SIGTERM, which it hands on to the command as SIGTERM.
The command has WORK_STREAM, WORK_OFFSET, WORK_NEXT_OFFSET, WORK_CONTENT_TYPE, WORK_SUBSCRIPTION,
WORK_WAKE_ID and WORK_GENERATION in its environment, and DURABLE_STREAMS_URL.`,
  examples: [
    ["durable-streams worker jobs -- ./process.sh", "the messages on stdin, until it is stopped"],
    [
      `durable-streams worker jobs --once -- sh -c 'echo "of $WORK_STREAM:"; cat'`,
      "what is pending, and no more",
    ],
  ],
  args: [
    { name: "SUBSCRIPTION", help: "the subscription's id" },
    { name: "-- COMMAND", help: "what is run, and its arguments", repeats: true },
  ],
  argsAreText: true,
  flags,
  handlesSignals: true,
  mayFollow: () => true,
  run,
});

async function run(task: StreamTask): Promise<number> {
  const { session, values, context, args: [id = "", ...command] } = task;
  const isOnce = values.get(flags.once);
  const ending = new AbortController();
  let endCode: number | undefined;
  const takeOff = context.onEndSignal((exitCode) => {
    endCode = exitCode;
    ending.abort();
  });
  const options: WorkerOptions = {
    handler: (work) => runCommand(task, id, command, work),
    name: values.get(flags.name),
    maxElapsedMs: session.maxElapsedMs,
    signal: ending.signal,
  };
  if (!isOnce) options.onError = (error) => report(task, error);
  const worker = session.client.worker(id, options);
  try {
    // The first request of all: it tells a server that can't be reached, and a subscription that isn't there.
    if (isOnce) await session.client.subscription(id).get({ signal: ending.signal });
    await (isOnce ? worker.runOnce() : worker.run());
    return EXIT.ok;
  } catch (error) {
    if (endCode === undefined) throw error;
    return endCode;
  } finally {
    takeOff();
  }
}

async function runCommand(
  { session, values, context }: StreamTask,
  id: string,
  command: readonly string[],
  { messages, contentType, path, offset, nextOffset, wakeId, generation, signal }: Work,
): Promise<void> {
  const format = values.get(flags.json) ? machineFormat(contentType) : plainFormat(contentType);
  const end = await context.runChild({
    command,
    environment: {
      DURABLE_STREAMS_URL: session.baseUrl,
      WORK_STREAM: path,
      WORK_OFFSET: offset,
      WORK_NEXT_OFFSET: nextOffset,
      WORK_CONTENT_TYPE: contentType,
      WORK_SUBSCRIPTION: id,
      WORK_WAKE_ID: wakeId,
      WORK_GENERATION: String(generation),
    },
    input: format(messages),
    signal,
  });
  if (end === 0) return;
  const how = typeof end === "number" ? `exited with ${end}` : `was ended by ${end}`;
  throw new CommandError(
    `the command ${how} for ${JSON.stringify(path)}, whose messages come again`,
    EXIT.failure,
  );
}

/** @throws what no later wake will mend */
function report({ session, values, context }: StreamTask, error: unknown): void {
  if (error instanceof NoSuchProgram) throw error;
  const message = errorMessageOf(error, { url: session.shownUrl, name: undefined });
  context.printError(`${errorPrefix(values, context)} ${message}`);
}
