import { CommandError } from "../context/command_error.ts";
import { EXIT } from "../context/exit_code.ts";
import { PROGRAM } from "../context/program_name.ts";
import { contentTypeFlag, dataFlag, jsonOutputFlag } from "../flags/common_flags.ts";
import type { Flag } from "../flags/flag.ts";
import { placeFlag } from "../flags/place_flag.ts";
import { UsageError } from "../flags/usage_error.ts";
import { readContent } from "./input/text_input.ts";
import { printJson } from "./output/stream_info.ts";
import { onlyName } from "./session/session.ts";
import { PATH, streamCommand, type StreamTask } from "./session/stream_command.ts";

const putFlags = {
  offset: placeFlag(
    "With put: up to where the stream is in it, an offset that head prints, or an offset or a place " +
      "that read --json prints.",
  ),
  contentType: { ...contentTypeFlag, help: "With put: the content type of the snapshot." },
  data: dataFlag,
} satisfies Record<string, Flag<unknown>>;

const ACTIONS: Readonly<Record<string, (task: StreamTask) => Promise<void>>> = {
  get,
  put,
  delete: remove,
};

const NAMES = Object.keys(ACTIONS);

/** `durable-streams snapshot ACTION PATH`: a state that is kept beside a stream. */
export const snapshotCommand = streamCommand({
  name: "snapshot",
  summary: "Get, keep and delete a stream's snapshot: an application's state as of an offset.",
  details: `
get      prints the newest one; with --json its offset, type and length in its place
put      keeps stdin, or --data, in place of the one before, as of --offset
delete   lets go of it; the stream stays
Who has the snapshot goes on at its offset: read PATH --offset OFFSET.`,
  examples: [
    ["durable-streams snapshot put orders --offset OFFSET < state.json", "as of that offset"],
    ["durable-streams snapshot get orders > state.json", "the newest one"],
    ["durable-streams snapshot get orders --json", "its offset, type and length"],
  ],
  args: [{ name: "ACTION", help: NAMES.join(", "), choices: NAMES }, PATH],
  firstName: 1,
  flags: { ...putFlags, json: jsonOutputFlag },
  async run(task) {
    const { args: [name = ""], values } = task;
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (action === undefined) {
      throw new UsageError(
        `snapshot can't ${JSON.stringify(name)}; accepted: ${NAMES.join(", ")}`,
      );
    }
    const given = Object.values<Flag<unknown>>(putFlags)
      .find((flag) => values.get(flag) !== undefined);
    if (action !== put && given !== undefined) {
      throw new UsageError(`--${given.name} is for snapshot put, not ${name}`);
    }
    await action(task);
    return EXIT.ok;
  },
});

async function get({ session, values, context }: StreamTask): Promise<void> {
  const name = onlyName(session);
  const snapshot = await session.client.snapshot(name).get();
  if (snapshot === undefined) throw none(name);
  const { bytes, contentType, offset } = snapshot;
  if (!values.get(jsonOutputFlag)) return await context.write(bytes);
  await printJson(context, { name, offset, contentType, bytes: bytes.length });
}

async function put({ session, values, context }: StreamTask): Promise<void> {
  const name = onlyName(session);
  const offset = values.get(putFlags.offset);
  if (offset === undefined) {
    throw new UsageError(
      `snapshot put needs --offset, up to where the stream is in it: ${PROGRAM} head ${name}`,
    );
  }
  const contentType = values.get(putFlags.contentType);
  const content = await readContent(values.get(putFlags.data), context);
  const kept = await session.client.snapshot(name).put(content, { offset, contentType });
  if (values.get(jsonOutputFlag)) {
    await printJson(context, { name, offset: kept, bytes: content.length });
  }
}

async function remove({ session }: StreamTask): Promise<void> {
  const name = onlyName(session);
  if (!await session.client.snapshot(name).delete()) throw none(name);
}

function none(name: string): CommandError {
  return new CommandError(`there is no snapshot of ${name}`, EXIT.notFound);
}
