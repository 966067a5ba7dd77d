import type { StreamInfo } from "../../../client/transport/stream_info.ts";
import { encodeUtf8 } from "../../../protocol/bytes.ts";
import type { CommandContext } from "../../context/command_context.ts";
import type { Session } from "../session/session.ts";

/** What is known of a stream, under the names that the server's listing has. */
export function infoObject(name: string, info: StreamInfo): Record<string, unknown> {
  const { contentType, nextOffset, closed, ttlSeconds, expiresAt } = info;
  return { name, contentType, nextOffset, closed, ttlSeconds, expiresAt };
}

/** Prints an object on a line of its own; what is undefined is left out. */
export async function printJson(context: CommandContext, value: unknown): Promise<void> {
  await context.write(encodeUtf8(`${JSON.stringify(value)}\n`));
}

/** Prints what a new stream is: of its end the answer to its creation says nothing. */
export async function printCreated(
  { client }: Session,
  context: CommandContext,
  name: string,
  created: boolean,
): Promise<void> {
  await printJson(context, { ...infoObject(name, await client.head(name)), created });
}
