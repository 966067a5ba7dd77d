import type { CreateOptions, ForkPoint } from "../../client/client.ts";
import { EXIT } from "../context/exit_code.ts";
import { integerFlag, optionalFlag } from "../flags/flag.ts";
import { placeFlag } from "../flags/place_flag.ts";
import { UsageError } from "../flags/usage_error.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { printCreated } from "./output/stream_info.ts";
import { lifetimeFlags, lifetimeOptions } from "../flags/lifetime_flags.ts";
import { PATH, streamCommand, type StreamTask } from "./session/stream_command.ts";

const flags = {
  offset: placeFlag(
    "Where the new stream branches off: an offset that head prints, an offset or a place that " +
      "read --json prints; the tail unless given.",
  ),
  subOffset: optionalFlag(integerFlag({
    name: "sub-offset",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    default: 0,
    help: "So many messages after --offset, or bytes of a stream that isn't JSON.",
    commandLineOnly: true,
  })),
  ...lifetimeFlags,
  json: jsonOutputFlag,
};

/** `durable-streams fork SOURCE PATH`: a stream that begins with another one's content. */
export const forkCommand = streamCommand({
  name: "fork",
  summary: "Create a stream that begins with what another one holds.",
  details: `
Nothing is copied. What is appended to one later doesn't appear in the other. The content type is
the source's. A fork that already exists with the same properties is fine.`,
  examples: [
    ["durable-streams fork users users-copy", "all that users holds now"],
    ["durable-streams fork users users-old --offset OFFSET", "what it held up to there"],
  ],
  args: [{ ...PATH, name: "SOURCE", help: "the stream to branch off from" }, PATH],
  flags,
  run,
});

async function run({ session, values, context }: StreamTask): Promise<number> {
  const [source = "", name = ""] = session.names;
  const offset = values.get(flags.offset);
  const subOffset = values.get(flags.subOffset);
  if (subOffset !== undefined && offset === undefined) {
    throw new UsageError("--sub-offset counts from --offset, which is missing");
  }
  const options: Omit<CreateOptions, "forkFrom"> & Omit<ForkPoint, "path"> = lifetimeOptions(
    values,
  );
  if (offset !== undefined) options.offset = offset;
  if (subOffset !== undefined) options.subOffset = subOffset;
  const { created } = await session.client.fork(source, name, options);
  if (values.get(flags.json)) await printCreated(session.client, context, name, created);
  return EXIT.ok;
}
