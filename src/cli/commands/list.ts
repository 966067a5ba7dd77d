import type { ListedStream, ListOptions } from "../../client/transport/list.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { EXIT } from "../context/exit_code.ts";
import { integerFlag, optionalFlag, switchFlag, textFlag } from "../flags/flag.ts";
import type { CommandContext } from "../context/command_context.ts";
import { UsageError } from "../flags/usage_error.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { infoObject } from "./output/stream_info.ts";
import { listed } from "./session/listing.ts";
import { streamCommand, type StreamTask } from "./stream_command.ts";

const PAGE_STREAMS = 1_000;

const flags = {
  after: optionalFlag(textFlag({
    name: "after",
    placeholder: "name",
    default: "",
    help: "Only streams whose names sort after this one.",
    accepts: "a stream's name",
    check: (text) => text !== "",
    commandLineOnly: true,
  })),
  limit: optionalFlag(integerFlag({
    name: "limit",
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    default: 1,
    help: "Stop after so many streams.",
    commandLineOnly: true,
  })),
  long: switchFlag({
    name: "long",
    short: "l",
    help: "Print the tail, whether it is open or closed, and the content type before each name.",
    commandLineOnly: true,
  }),
  json: jsonOutputFlag,
};

/** `durable-streams list [PREFIX]`: which streams there are. */
export const listCommand = streamCommand({
  name: "list",
  summary: "Print the names of the streams, one per line, in order.",
  details: `
The server has to allow it: --listing, which is on by default where only its own machine can reach
it. Listing is an extension of this project's server.`,
  examples: [
    ["durable-streams list", "all of them"],
    ["durable-streams list logs/ --long", "those below logs/, with their tails and types"],
  ],
  args: [{ name: "PREFIX", help: "what the names begin with", optional: true, isStream: true }],
  argsAreText: true,
  flags,
  run,
});

async function run({ session, values, args, context }: StreamTask): Promise<number> {
  if (values.get(flags.long) && values.get(flags.json)) {
    throw new UsageError("--long and --json are two forms of the same; accepted: one of them");
  }
  const format = formatOf(values.get(flags.long), values.get(flags.json));
  const [prefix] = args;
  const after = values.get(flags.after);
  const limit = values.get(flags.limit) ?? Infinity;
  const options: ListOptions = { pageSize: Math.min(limit, PAGE_STREAMS) };
  if (prefix !== undefined) options.prefix = prefix;
  if (after !== undefined) options.after = after;

  await print(listed(session, options), limit, format, context);
  return EXIT.ok;
}

async function print(
  streams: AsyncIterable<ListedStream>,
  limit: number,
  format: (stream: ListedStream) => string,
  context: CommandContext,
): Promise<void> {
  let lines: string[] = [];
  let count = 0;
  for await (const stream of streams) {
    lines.push(format(stream));
    if (lines.length === PAGE_STREAMS) {
      await context.write(encodeUtf8(lines.join("")));
      lines = [];
    }
    if (++count >= limit) break;
  }
  await context.write(encodeUtf8(lines.join("")));
}

function formatOf(long: boolean, json: boolean): (stream: ListedStream) => string {
  if (json) return (stream) => `${JSON.stringify(infoObject(stream.name, stream))}\n`;
  if (!long) return ({ name }) => `${name}\n`;
  return ({ name, nextOffset, closed, contentType = "-" }) =>
    `${nextOffset}  ${closed ? "closed" : "open  "}  ${contentType.padEnd(24)}  ${name}\n`;
}
