import type { ListedStream, ListOptions } from "../../client/transport/list.ts";
import { EXIT } from "../context/exit_code.ts";
import { integerFlag, optionalFlag, switchFlag, textFlag } from "../flags/flag.ts";
import { printLines } from "../context/print_lines.ts";
import { UsageError } from "../flags/usage_error.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { infoObject } from "./output/stream_info.ts";
import { listed } from "./session/listing.ts";
import { streamCommand, type StreamTask } from "./session/stream_command.ts";

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

/** `durable-streams list [PREFIX]`: the names of the streams. */
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

  await printLines(listed(session, options), limit, format, context);
  return EXIT.ok;
}

function formatOf(long: boolean, json: boolean): (stream: ListedStream) => string {
  if (json) return (stream) => JSON.stringify(infoObject(stream.name, stream));
  if (!long) return ({ name }) => name;
  return ({ name, nextOffset, closed, contentType = "-" }) =>
    `${nextOffset}  ${closed ? "closed" : "open  "}  ${contentType.padEnd(24)}  ${name}`;
}
