import { decodeUtf8, encodeUtf8 } from "../../protocol/bytes.ts";
import { CommandError } from "../context/command_error.ts";
import { EXIT } from "../context/exit_code.ts";
import { textFlag } from "../flags/flag.ts";
import { connectionFlags } from "../flags/common_flags.ts";
import { shownUrl } from "./session/location.ts";
import { streamCommand, type StreamTask } from "./session/stream_command.ts";

const flags = {
  // The same flag and variable as the server's, so that the server's setting applies here too.
  path: textFlag({
    name: "health",
    placeholder: "path",
    default: "/health",
    help: "Where the server says how it is, as its own --health has it.",
    accepts: "a path that begins with /",
    check: (text) => text.startsWith("/"),
  }),
};

/** `durable-streams health`: the health of the server, for monitoring. */
export const healthCommand = streamCommand({
  name: "health",
  summary: "Print how the server is; exits 0 while it takes reads and writes.",
  examples: [
    ["durable-streams health", "as JSON: ok, or what is wrong and why"],
    ["durable-streams health >/dev/null || echo down", "for what watches it"],
  ],
  args: [],
  argsAreText: true,
  flags,
  run,
});

async function run({ session, values, context }: StreamTask): Promise<number> {
  const { href } = new URL(values.get(flags.path), session.baseUrl);
  const { status, headers, body } = await session.transport({
    method: "GET",
    url: href,
    headers: {},
    body: undefined,
    signal: undefined,
    timeoutMs: values.get(connectionFlags.timeoutMs),
    streaming: false,
    repeatable: true,
  });
  const isHealth = /^application\/json\b/.test(headers.get("content-type") ?? "");
  if (!isHealth || (status !== 200 && status !== 503)) {
    throw new CommandError(
      `${
        shownUrl(href)
      } answers ${status} and not how the server is: another path, or another server`,
      EXIT.failure,
    );
  }
  await context.write(encodeUtf8(`${decodeUtf8(body).trimEnd()}\n`));
  return status === 200 ? EXIT.ok : EXIT.unavailable;
}
