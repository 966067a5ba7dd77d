import type { CreateOptions } from "../../client/client.ts";
import { compactionFlag } from "../flags/compaction_flag.ts";
import { EXIT } from "../context/exit_code.ts";
import { clientRetention, retentionFlag } from "../flags/retention_flags.ts";
import { switchFlag } from "../flags/flag.ts";
import { contentTypeFlag, dataFlag, jsonOutputFlag } from "../flags/common_flags.ts";
import { printCreated } from "./output/stream_info.ts";
import { lifetimeFlags, lifetimeOptions } from "../flags/lifetime_flags.ts";
import { onlyName } from "./session/session.ts";
import { PATH, streamCommand, type StreamTask } from "./session/stream_command.ts";
import { readContent } from "./input/text_input.ts";

const flags = {
  contentType: contentTypeFlag,
  ...lifetimeFlags,
  retention: retentionFlag,
  compaction: compactionFlag,
  data: dataFlag,
  closed: switchFlag({
    name: "closed",
    help: "Close it at once: --data is all that it will hold.",
    commandLineOnly: true,
  }),
  json: jsonOutputFlag,
};

/** `durable-streams create PATH`: a new stream. */
export const createCommand = streamCommand({
  name: "create",
  summary: "Create a stream.",
  details: `
Prints nothing on success. A stream that already exists with the same properties is fine; with
other properties it exits 4. Without --content-type the server's default is used.`,
  examples: [
    ["durable-streams create logs/demo --content-type text/plain", "an empty stream of text"],
    [
      "durable-streams create users --content-type application/json --ttl 7d",
      "expires after a week without use",
    ],
    ["durable-streams create logs/demo --retention '7d, 10GiB'", "keeps a week, 10 GiB at most"],
  ],
  args: [PATH],
  flags,
  run,
});

async function run({ session, values, context }: StreamTask): Promise<number> {
  const options: CreateOptions = lifetimeOptions(values);
  const contentType = values.get(flags.contentType);
  const data = values.get(flags.data);
  if (contentType !== undefined) options.contentType = contentType;
  if (data !== undefined) options.initialData = await readContent(data, context);
  if (values.get(flags.closed)) options.closed = true;
  const retention = values.get(flags.retention);
  if (retention !== undefined) options.retention = clientRetention(retention) ?? {};
  const compaction = values.get(flags.compaction);
  if (compaction !== undefined && compaction !== null) options.compaction = compaction;
  const name = onlyName(session);
  const { created } = await session.client.create(name, options);
  if (values.get(flags.json)) await printCreated(session.client, context, name, created);
  return EXIT.ok;
}
