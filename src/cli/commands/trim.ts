import { encodeUtf8 } from "../../protocol/bytes.ts";
import { formatBytes } from "./output/format_bytes.ts";
import { printJson } from "./output/stream_info.ts";
import { tokenPosition } from "../../protocol/offset.ts";
import { EXIT } from "../context/exit_code.ts";
import { jsonOutputFlag, prefixFlag } from "../flags/common_flags.ts";
import { beforeFlag, type StartingPoint } from "../flags/starting_point.ts";
import { UsageError } from "../flags/usage_error.ts";
import { firstFailure, namedStreams, PATHS, withOneOf } from "./session/several_streams.ts";
import { streamCommand, type StreamTask } from "./session/stream_command.ts";

const flags = { before: beforeFlag, prefix: prefixFlag, json: jsonOutputFlag };

/** `durable-streams trim PATH...`: lets go of what is old. */
export const trimCommand = streamCommand({
  name: "trim",
  summary: "Let go of what lies before an offset or a time in streams, for good.",
  details: `
Trims without confirmation. An offset is exact; of what was written before a time up to 4 KiB stay.
Readers that come for what is gone are told so (410), and forks keep what they began with.
Prints nothing of one stream; of several the name of each, and where it begins now. The space
comes back with the server's next checkpoint.`,
  examples: [
    ["durable-streams trim logs/demo --before 7d", "what is older than a week goes"],
    ["durable-streams trim logs/demo --before 2026-01-31T12:00:00Z", "or than a time"],
    ["durable-streams trim users --before now", "all that it holds; offsets go on counting"],
    ["durable-streams trim --prefix logs/ --before 30d", "of all streams below logs/"],
  ],
  args: [PATHS],
  flags,
  run,
});

async function run(task: StreamTask): Promise<number> {
  const { session, values } = task;
  const point = values.get(flags.before);
  if (point === undefined) {
    throw new UsageError(
      `trim needs --before, up to where it trims; accepted: ${beforeFlag.accepts}`,
    );
  }
  const names = namedStreams("trim", task);
  const before = placeOf(point, task);
  if (session.names.length === 1) {
    for await (const name of names) await trimOne(task, name, before);
    return EXIT.ok;
  }
  const exitCodes: number[] = [];
  for await (const name of names) {
    exitCodes.push(await withOneOf(task, name, () => trimOne(task, name, before)));
  }
  return firstFailure(exitCodes);
}

function placeOf(point: StartingPoint, { context }: StreamTask): string | Date {
  if (point.kind === "place") return point.offset;
  return new Date(point.kind === "time" ? point.atMs : context.clock.nowMs() - point.ms);
}

async function trimOne(
  { session, context, values }: StreamTask,
  name: string,
  before: string | Date,
): Promise<void> {
  const { earliestOffset, nextOffset, retention } = await session.client.trim(name, before);
  if (values.get(flags.json)) {
    return await printJson(context, { name, earliestOffset, nextOffset, retention });
  }
  if (session.names.length === 1) return;
  const left = leftBetween(earliestOffset, nextOffset);
  await context.write(encodeUtf8(`${name}\t${earliestOffset}${left}\n`));
}

/** How much can still be read, where the server's offsets say so. */
function leftBetween(earliest: string, tail: string): string {
  const [start, end] = [tokenPosition(earliest), tokenPosition(tail)];
  return start === undefined || end === undefined ? "" : `\t${formatBytes(end - start)} left`;
}
