import { openLibraryClient } from "./library_client.ts";
import { groupOf, untilReachable } from "./logs.ts";
import type { Appender, AppenderParts } from "./load.ts";

/** Publishes groups by the client library, one a subject at once. */
export async function libraryAppender(parts: AppenderParts): Promise<Appender> {
  const client = await openLibraryClient(parts);
  const { places } = client;
  const payload = groupOf(parts.load);
  let messages = 0;
  const publish = async (subject: string) => {
    await client.publish(subject, payload);
    messages++;
  };
  await untilReachable(places, publish);
  return {
    appendsPerCall: parts.load.group,
    calls: places.length,
    append: (index) => publish(places[index]?.subject ?? ""),
    messages: () => messages,
    close: () => client.close(),
  };
}
