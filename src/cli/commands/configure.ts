import type { ChangeOptions } from "../../client/client.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { compactionFlag } from "../flags/compaction_flag.ts";
import { EXIT } from "../context/exit_code.ts";
import { jsonOutputFlag, prefixFlag } from "../flags/common_flags.ts";
import { clientRetention, retentionFlag } from "../flags/retention_flags.ts";
import { UsageError } from "../flags/usage_error.ts";
import { printJson } from "./output/stream_info.ts";
import { firstFailure, namedStreams, PATHS, withOneOf } from "./session/several_streams.ts";
import { streamCommand, type StreamTask } from "./session/stream_command.ts";

const flags = {
  retention: retentionFlag,
  compaction: compactionFlag,
  prefix: prefixFlag,
  json: jsonOutputFlag,
};

/** `durable-streams configure PATH...`: changes what becomes of streams' older messages. */
export const configureCommand = streamCommand({
  name: "configure",
  summary: "Change how much of streams is kept.",
  details: `
What is beyond the new limits goes soon after; what is gone already doesn't come back. The server's
own rules for patterns of names apply as well: of each limit the strictest. "head" prints what
applies. With --prefix the name of each stream that was changed is printed.`,
  examples: [
    ["durable-streams configure logs/demo --retention '7d, 10GiB'", "the last week, up to 10 GiB"],
    ["durable-streams configure users --retention none", "everything, from now on"],
    ["durable-streams configure users --compaction state", "the newest message of each key"],
  ],
  args: [PATHS],
  flags,
  run,
});

async function run(task: StreamTask): Promise<number> {
  const { session, values } = task;
  const change = changeOf(task);
  const names = namedStreams("configure", task);
  if (session.names.length === 1 && values.get(flags.prefix) === undefined) {
    for await (const name of names) await changeOne(task, name, change);
    return EXIT.ok;
  }
  const exitCodes: number[] = [];
  for await (const name of names) {
    exitCodes.push(await withOneOf(task, name, () => changeOne(task, name, change)));
  }
  return firstFailure(exitCodes);
}

function changeOf({ values }: StreamTask): ChangeOptions {
  const retention = values.get(flags.retention);
  const compaction = values.get(flags.compaction);
  if (retention === undefined && compaction === undefined) {
    throw new UsageError("configure needs what to change; accepted: --retention, --compaction");
  }
  return {
    ...(retention === undefined ? {} : { retention: clientRetention(retention) }),
    ...(compaction === undefined ? {} : { compaction }),
  };
}

async function changeOne(
  { session, context, values }: StreamTask,
  name: string,
  change: ChangeOptions,
): Promise<void> {
  const changed = await session.client.configure(name, change);
  if (values.get(flags.json)) return await printJson(context, { name, ...changed });
  if (session.names.length !== 1) await context.write(encodeUtf8(`${name}\n`));
}
