import { isTransient } from "../../client/transport/response_error.ts";
import { decodeUtf8, encodeUtf8 } from "../../protocol/bytes.ts";
import { parseScrape } from "../../metrics/parse.ts";
import { CommandError } from "../context/command_error.ts";
import { EXIT } from "../context/exit_code.ts";
import { durationFlag, switchFlag, textFlag } from "../flags/flag.ts";
import { connectionFlags, jsonOutputFlag } from "../flags/common_flags.ts";
import { activityBetween, type TimedScrape } from "./output/activity.ts";
import { activityLine, activityLines } from "./output/activity_view.ts";
import { streamCommand, type StreamTask } from "./session/stream_command.ts";

const CURSOR_UP = (lines: number) => `\x1b[${lines}A`;
const CLEAR_LINE = "\r\x1b[K";

const flags = {
  // The same flag and variable as the server's, so that the server's setting applies here too.
  metrics: textFlag({
    name: "metrics",
    placeholder: "path",
    default: "/metrics",
    help: "Where the server has its metrics, as its own --metrics has it.",
    accepts: "a path that begins with /",
    check: (text) => text.startsWith("/"),
  }),
  intervalMs: durationFlag({
    name: "interval",
    min: 100,
    max: 3_600_000,
    default: 1_000,
    help: "How often to look.",
    commandLineOnly: true,
  }),
  once: switchFlag({
    name: "once",
    help: "Look twice, an interval apart, print what was between, and end.",
    commandLineOnly: true,
  }),
  json: jsonOutputFlag,
};

/** `durable-streams top`: what a server does, live. */
export const topCommand = streamCommand({
  name: "top",
  summary: "Show what the server does, live: appends, syncs, readers, the log, memory.",
  details: `
Reads the server's metrics. On a terminal it draws over itself; elsewhere, and with --json, it
prints a line each time. q or Ctrl-C ends it. The quantiles of syncs are those of the interval, as
near as the histogram's buckets tell.`,
  examples: [
    ["durable-streams top", "live, until q"],
    ["durable-streams top --once --json | jq .appendsPerSecond", "one second's figures"],
  ],
  args: [],
  argsAreText: true,
  flags,
  handlesSignals: true,
  mayFollow: () => true,
  run,
});

async function run(task: StreamTask): Promise<number> {
  const { values, context } = task;
  const end = new AbortController();
  const stopKeys = context.onKey((key) => {
    if (key === "q" || key === "\x03") end.abort();
  });
  const offSignals = context.onEndSignal(() => end.abort());
  try {
    const intervalMs = values.get(flags.intervalMs);
    const once = values.get(flags.once);
    const show = display(task);
    let before: TimedScrape | undefined;
    while (!end.signal.aborted) {
      const after = await scrapeAgain(task, before);
      if (after === undefined) {
        await pause(task, intervalMs, end.signal);
        continue;
      }
      // Without rates it isn't worth a line.
      const isHalf = before === undefined && (once || !isDrawn(task));
      if (!isHalf && !end.signal.aborted) await show(before, after);
      if (once && !isHalf) break;
      before = after;
      await pause(task, intervalMs, end.signal);
    }
    return EXIT.ok;
  } finally {
    offSignals();
    stopKeys();
  }
}

/** Whether it is drawn over itself. */
function isDrawn({ values, context }: StreamTask): boolean {
  return context.outputIsTerminal && !values.get(flags.json);
}

/** Resolves after so long, or once it is aborted. */
function pause({ context }: StreamTask, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = context.clock.setTimer(ms, end);
    signal.addEventListener("abort", end);
  });
}

/** A server that goes away is waited for, once it was there: then there is nothing to show meanwhile. */
async function scrapeAgain(
  task: StreamTask,
  before: TimedScrape | undefined,
): Promise<TimedScrape | undefined> {
  try {
    return await scrape(task);
  } catch (error) {
    if (!isTransient(error) || before === undefined || task.values.get(flags.once)) throw error;
    return undefined;
  }
}

async function scrape({ session, values, context }: StreamTask): Promise<TimedScrape> {
  const { href } = new URL(values.get(flags.metrics), session.baseUrl);
  const { status, body } = await session.transport({
    method: "GET",
    url: href,
    headers: { accept: "text/plain" },
    body: undefined,
    signal: undefined,
    timeoutMs: values.get(connectionFlags.timeoutMs),
    streaming: false,
    repeatable: true,
  });
  if (status === 401 || status === 403) {
    throw new CommandError(
      `the server refused this (${status}): ${href} needs a token with admin for all names; credentials go ` +
        "in by --token, --token-file or --header",
      EXIT.failure,
    );
  }
  const found = parseScrape(decodeUtf8(body));
  if (status !== 200 || !found.has("durable_streams_build_info")) {
    throw new CommandError(
      `${href} answers ${status} and not the server's metrics: another path, another server, or one ` +
        "that has them turned off (--metrics /metrics turns them on)",
      EXIT.failure,
    );
  }
  return { scrape: found, atMs: context.clock.nowMs() };
}

/** Shows what was between two scrapes: drawn over the last time on a terminal, else as a line. */
function display(
  task: StreamTask,
): (before: TimedScrape | undefined, after: TimedScrape) => Promise<void> {
  const { values, context, session } = task;
  const print = (text: string) => context.write(encodeUtf8(text));
  if (values.get(flags.json)) {
    return (before, after) => print(`${JSON.stringify(activityBetween(before, after))}\n`);
  }
  if (!isDrawn(task)) {
    return (before, after) => print(`${activityLine(activityBetween(before, after))}\n`);
  }
  let drawnLines = 0;
  return async (before, after) => {
    const server = new URL(session.baseUrl).origin;
    const lines = activityLines(server, activityBetween(before, after), context.columns - 1);
    const up = drawnLines === 0 ? "" : CURSOR_UP(drawnLines);
    await print(up + lines.map((line) => `${CLEAR_LINE}${line}\n`).join(""));
    drawnLines = lines.length;
  };
}
