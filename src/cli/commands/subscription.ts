import { ClientError } from "../../client/errors/client_error.ts";
import type { SubscriptionOptions } from "../../client/subscriptions/options.ts";
import { decodeUtf8, encodeUtf8 } from "../../protocol/bytes.ts";
import type { Argument } from "../context/cli_command.ts";
import { CommandError } from "../context/command_error.ts";
import { EXIT } from "../context/exit_code.ts";
import { printLines } from "../context/print_lines.ts";
import { PROGRAM } from "../context/program_name.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { durationFlag, type Flag, optionalFlag, textFlag } from "../flags/flag.ts";
import { UsageError } from "../flags/usage_error.ts";
import { colorsOn, dim } from "./output/color.ts";
import { printJson } from "./output/stream_info.ts";
import { linesOf, listedObject, subscriptionObject } from "./output/subscription_info.ts";
import { streamCommand, type StreamTask } from "./session/stream_command.ts";

/** A text that only `create` takes. */
function createFlag(name: string, placeholder: string, help: string, accepts: string) {
  return optionalFlag(textFlag({
    name,
    placeholder,
    default: "",
    help: `With create: ${help}`,
    accepts,
    check: (text) => text !== "",
    commandLineOnly: true,
  }));
}

const createFlags = {
  pattern: createFlag(
    "pattern",
    "pattern",
    "streams whose names match wake; * is one segment of a name, ** any number.",
    "a pattern such as logs/* or **",
  ),
  webhook: createFlag("webhook", "url", "wakes are posted to this URL.", "an https URL"),
  wakeStream: createFlag(
    "wake-stream",
    "path",
    "wakes are written to this stream, which is created where it is missing.",
    "a stream's name",
  ),
  leaseMs: optionalFlag(durationFlag({
    name: "lease",
    min: 1_000,
    max: 600_000,
    default: 30_000,
    help: "With create: how long a worker may be silent before another is woken; 30s unless given.",
    commandLineOnly: true,
  })),
  description: createFlag("description", "text", "a text for people.", "a text"),
} satisfies Record<string, Flag<unknown>>;

/** What it does with what. */
interface Action {
  readonly needsId: boolean;
  run(task: StreamTask, id: string, streams: readonly string[]): Promise<void>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  create: { needsId: true, run: create },
  list: { needsId: false, run: list },
  show: { needsId: true, run: show },
  delete: { needsId: true, run: ({ session }, id) => session.client.subscription(id).delete() },
  "rotate-key": { needsId: false, run: rotateKey },
};

const NAMES = Object.keys(ACTIONS);
const ARGS: readonly Argument[] = [
  { name: "ACTION", help: NAMES.join(", "), choices: NAMES },
  { name: "ID", help: "the subscription", optional: true },
  { name: "PATH", help: "with create: streams that wake", optional: true, repeats: true },
];

/** `durable-streams subscription ACTION`: what wakes workers when streams change. */
export const subscriptionCommand = streamCommand({
  name: "subscription",
  summary: "Create, list, show and delete subscriptions, which wake workers as streams change.",
  details: `
create ID [PATH...]   wakes a webhook, or workers that claim (see: durable-streams worker)
list                  prints the ids; the server has to allow it, as for streams (--listing)
show ID               prints how it is, and how far each stream was processed
delete ID             deletes it; its streams stay
rotate-key            has the server sign webhooks with a new key, in five minutes
What a stream holds when it is subscribed to doesn't wake. One that exists already with the same
configuration is fine; with another one create exits 4.`,
  examples: [
    [
      "durable-streams subscription create jobs --pattern 'jobs/*' --wake-stream wakes",
      "for workers",
    ],
    [
      "durable-streams subscription create mail orders --webhook https://mail.example/hook",
      "a webhook for one stream",
    ],
    ["durable-streams subscription show jobs", "what it is, and what was processed"],
  ],
  args: ARGS,
  argsAreText: true,
  flags: { ...createFlags, json: jsonOutputFlag },
  async run(task) {
    const [name = "", id, ...streams] = task.args;
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (action === undefined) {
      throw new UsageError(
        `subscription can't ${JSON.stringify(name)}; accepted: ${NAMES.join(", ")}`,
      );
    }
    checkUsage(name, action, task);
    await action.run(task, id ?? "", streams);
    return EXIT.ok;
  },
});

/** @throws {UsageError} */
function checkUsage(
  name: string,
  { needsId }: Action,
  { args: [, id, stream], values }: StreamTask,
) {
  const usage = `${PROGRAM} subscription ${name}${needsId ? " ID" : ""}`;
  if (needsId && !id) throw new UsageError(`subscription ${name} needs ID: ${usage}`);
  if (name === "create") return;
  const extra = needsId ? stream : id;
  if (extra !== undefined) {
    throw new UsageError(`subscription ${name} takes no ${JSON.stringify(extra)}: ${usage}`);
  }
  const given = Object.values<Flag<unknown>>(createFlags)
    .find((flag) => values.get(flag) !== undefined);
  if (given !== undefined) {
    throw new UsageError(`--${given.name} is for subscription create, not ${name}`);
  }
}

async function create(
  { session: { client }, values, context }: StreamTask,
  id: string,
  streams: readonly string[],
): Promise<void> {
  const webhookUrl = values.get(createFlags.webhook);
  const wakeStream = values.get(createFlags.wakeStream);
  const pattern = values.get(createFlags.pattern);
  if ((webhookUrl === undefined) === (wakeStream === undefined)) {
    throw new UsageError("subscription create takes either --webhook or --wake-stream");
  }
  if (pattern === undefined && streams.length === 0) {
    throw new UsageError("subscription create needs --pattern or PATH, which streams wake");
  }
  const options: SubscriptionOptions = {
    webhookUrl,
    wakeStream,
    pattern,
    streams: streams.length === 0 ? undefined : streams,
    leaseMs: values.get(createFlags.leaseMs),
    description: values.get(createFlags.description),
  };
  if (wakeStream !== undefined && !await client.exists(wakeStream)) {
    await client.create(wakeStream, { contentType: "application/json" });
  }
  const { created, ...info } = await client.subscription(id).create(options);
  if (values.get(jsonOutputFlag)) {
    await printJson(context, { ...subscriptionObject(info), created });
  }
}

async function list({ session, values, context }: StreamTask): Promise<void> {
  const isJson = values.get(jsonOutputFlag);
  try {
    await printLines(
      session.client.subscriptions(),
      Infinity,
      (info) => isJson ? JSON.stringify(listedObject(info)) : info.id,
      context,
    );
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "not_found") throw error;
    const message = `${session.shownUrl} lists no subscriptions: ${error.message}`;
    throw new CommandError(message, EXIT.failure);
  }
}

async function show({ session, values, context }: StreamTask, id: string): Promise<void> {
  const info = await session.client.subscription(id).get();
  if (values.get(jsonOutputFlag)) return await printJson(context, subscriptionObject(info));
  const paint = colorsOn(values, context, context.outputIsTerminal) ? dim : (text: string) => text;
  const format = ([label, value]: readonly [string, string]) =>
    `${paint(label.padEnd(14))}${value}`;
  await printLines(linesOf(info), Infinity, format, context);
}

async function rotateKey({ session, values, context }: StreamTask): Promise<void> {
  const { connection } = session;
  const url = connection.urls.ofKeyRotation();
  const { body } = await connection.send({ method: "POST", url, repeatable: false });
  const rotation: { kid?: unknown; signs_from?: unknown } | null = JSON.parse(decodeUtf8(body));
  const kid = String(rotation?.kid);
  const signsFrom = String(rotation?.signs_from);
  if (values.get(jsonOutputFlag)) return await printJson(context, { kid, signsFrom });
  await context.write(encodeUtf8(`${kid} signs from ${signsFrom} on\n`));
}
