import type { Client } from "../../../client/client.ts";
import type { StreamInfo } from "../../../client/transport/stream_info.ts";
import { encodeUtf8 } from "../../../protocol/bytes.ts";
import type { CommandContext } from "../../context/command_context.ts";

/** The properties of a stream, under the names of the server's listing. */
export function infoObject(name: string, info: StreamInfo): Record<string, unknown> {
  const { contentType, nextOffset, closed, ttlSeconds, expiresAt } = info;
  const { earliestOffset, retention, compaction } = info;
  return {
    name,
    contentType,
    nextOffset,
    closed,
    ttlSeconds,
    expiresAt,
    earliestOffset,
    retention,
    compaction,
  };
}

/** Prints an object on a line of its own, without undefined properties. */
export async function printJson(context: CommandContext, value: unknown): Promise<void> {
  await context.write(encodeUtf8(`${JSON.stringify(value)}\n`));
}

/** Prints what a new stream is. The response to its creation doesn't say when it expires. */
export async function printCreated(
  client: Client,
  context: CommandContext,
  name: string,
  created: boolean,
): Promise<void> {
  await printJson(context, { ...infoObject(name, await client.head(name)), created });
}
