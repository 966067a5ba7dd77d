import { Client } from "../../client/client.ts";
import { chatApp } from "../../demo/chat_app.ts";
import { serveApp, type ServedApp } from "../../demo/serve_app.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { serve } from "../../server/serve.ts";
import { createMemoryStorage } from "../../storage/memory.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import { CommandError } from "../context/command_error.ts";
import { EXIT } from "../context/exit_code.ts";
import { isHttpUrl } from "../flags/common_flags.ts";
import { durationFlag, integerFlag, optionalFlag, textFlag } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";

const flags = {
  port: integerFlag({
    name: "port",
    min: 0,
    max: 65_535,
    default: 4438,
    help: "Where its page is, on this machine only; 0 picks a free one.",
    commandLineOnly: true,
  }),
  streams: optionalFlag(textFlag({
    name: "streams",
    placeholder: "url",
    default: "",
    help:
      "What the URLs of a running server's streams begin with; a server in memory unless given.",
    accepts: "an http or https URL",
    check: isHttpUrl,
    commandLineOnly: true,
  })),
  pace: durationFlag({
    name: "pace",
    min: 1,
    max: 60_000,
    default: 120,
    help: "How long its model thinks about each word.",
    commandLineOnly: true,
  }),
};

/** `durable-streams demo`: a chat whose answers survive, to be tried out in a browser. */
export const demoCommand: CliCommand = {
  name: "demo",
  summary: "Serve a chat that survives reloads, second tabs and kills, to try it out.",
  details: `
The model is none: it types words slowly, so that there is time to reload the page, to open it twice
or to kill something. With --streams the streams are another process's, which may be killed and
started again in the middle of an answer. Only browsers on this machine can reach it.`,
  examples: [
    ["durable-streams demo", "open http://127.0.0.1:4438/ then"],
    [
      "durable-streams demo --streams http://127.0.0.1:4437/v1/stream",
      "on a server that keeps them",
    ],
  ],
  flags,
  run,
};

async function run(values: FlagValues, { context }: Invocation): Promise<number> {
  const given = values.get(flags.streams);
  const server = given === undefined
    ? await serve({ storage: createMemoryStorage(), port: 0 })
    : undefined;
  const streamsUrl = given ?? server?.url ?? "";
  let app: ServedApp | undefined;
  const ended = new Promise<number>((resolve) => context.onEndSignal(resolve));
  try {
    const client = new Client(streamsUrl);
    app = await startApp(values, { client, streamsUrl, wordMs: values.get(flags.pace) });
    const text = `listening on ${app.url}\nOpen it in a browser. Ctrl-C ends it.\n`;
    await context.write(encodeUtf8(text));
    await ended;
    return EXIT.ok;
  } finally {
    await app?.stop();
    await server?.stop();
  }
}

async function startApp(
  values: FlagValues,
  options: Parameters<typeof chatApp>[0],
): Promise<ServedApp> {
  const port = values.get(flags.port);
  try {
    return await serveApp(chatApp(options), port);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(
      `the demo can't listen on port ${port}: ${reason}; --port 0 picks a free one`,
      EXIT.failure,
    );
  }
}
