import { connect } from "@nats-io/transport-node";
import { groupOf, makeLogs, untilReachable } from "./logs.ts";
import type { Appender, AppenderParts } from "./load.ts";

const TIMEOUT_MILLIS = 5_000;

/**
 * Publishes groups by the client library, one a subject at once and without an expectation: a request whose
 * answer is read as JSON, which is what the library's publish to JetStream does.
 */
export async function libraryAppender(parts: AppenderParts): Promise<Appender> {
  const { jetStream, places } = await makeLogs(parts);
  await jetStream.close();
  const connection = await connect({ servers: [...parts.urls] });
  const payload = groupOf(parts.load);
  let messages = 0;
  const publish = async (subject: string) => {
    const answer = await connection.request(subject, payload, { timeout: TIMEOUT_MILLIS });
    const { error } = answer.json<{ error?: { description: string } }>();
    if (error !== undefined) throw new Error(error.description);
    messages++;
  };
  await untilReachable(places, publish);
  return {
    appendsPerCall: parts.load.group,
    calls: places.length,
    append: (index) => publish(places[index]?.subject ?? ""),
    messages: () => messages,
    close: () => connection.close(),
  };
}
