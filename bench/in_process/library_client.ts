import { connect } from "@nats-io/transport-node";
import { makeLogs, type Place } from "./logs.ts";
import type { AppenderParts } from "./load.ts";

const TIMEOUT_MILLIS = 5_000;

/** The client library on logs of its own. */
export interface LibraryClient {
  readonly places: readonly Place[];
  publish(subject: string, payload: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes logs, and connects to them by the client library. It publishes without an expectation: a request whose
 * answer is read as JSON, which is what the library's publish to JetStream does.
 */
export async function openLibraryClient(parts: AppenderParts): Promise<LibraryClient> {
  const { jetStream, places } = await makeLogs(parts);
  await jetStream.close();
  const connection = await connect({ servers: [...parts.urls] });
  return {
    places,
    async publish(subject, payload) {
      const answer = await connection.request(subject, payload, { timeout: TIMEOUT_MILLIS });
      const { error } = answer.json<{ error?: { description: string } }>();
      if (error !== undefined) throw new Error(error.description);
    },
    close: () => connection.close(),
  };
}
