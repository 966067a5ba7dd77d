import { encodeUtf8 } from "../../protocol/bytes.ts";
import { EXIT } from "../context/exit_code.ts";
import { switchFlag } from "../flags/flag.ts";
import { UsageError } from "../flags/usage_error.ts";
import { prefixFlag } from "../flags/common_flags.ts";
import { firstFailure, namedStreams, PATHS, withOneOf } from "./session/several_streams.ts";
import { onlyName } from "./session/session.ts";
import { streamCommand, type StreamTask } from "./session/stream_command.ts";

const flags = {
  prefix: prefixFlag,
  dryRun: switchFlag({
    name: "dry-run",
    help: "With --prefix: only print the names of the streams that would be deleted.",
    commandLineOnly: true,
  }),
};

/** `durable-streams delete PATH...`: deletes streams with their content. */
export const deleteCommand = streamCommand({
  name: "delete",
  summary: "Delete streams and all that they hold.",
  details: `
Deletes without confirmation. Where there is no such stream it exits 3; of several, the others are
deleted all the same. With --prefix the name of each stream that was deleted is printed.`,
  examples: [
    ["durable-streams delete logs/demo", "one stream"],
    ["durable-streams delete --prefix logs/ --dry-run", "which ones would be deleted"],
    ["durable-streams delete --prefix logs/", "all whose names begin so"],
  ],
  args: [PATHS],
  flags,
  run,
});

async function run(task: StreamTask): Promise<number> {
  const { session, context, values } = task;
  const isDryRun = values.get(flags.dryRun);
  const isPrefix = values.get(flags.prefix) !== undefined;
  if (isDryRun && !isPrefix) {
    throw new UsageError("--dry-run says what --prefix would delete; accepted: together with it");
  }
  const names = namedStreams("delete", task);
  if (!isPrefix && session.names.length === 1) {
    await session.client.delete(onlyName(session));
    return EXIT.ok;
  }
  const exitCodes: number[] = [];
  for await (const name of names) {
    exitCodes.push(
      await withOneOf(task, name, async () => {
        if (!isDryRun) await session.client.delete(name);
        if (isPrefix) await context.write(encodeUtf8(`${name}\n`));
      }),
    );
  }
  return firstFailure(exitCodes);
}
