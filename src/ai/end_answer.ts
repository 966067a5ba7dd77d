import type { Client } from "../client/client.ts";
import { ClientError } from "../client/errors/client_error.ts";
import type { UiMessageChunk } from "./ui_chunk.ts";

/**
 * Gives an answer its last chunk and closes it, in one request, exactly once.
 *
 * @returns whether this ended it; false where it had ended before
 * @throws {ClientError} `not_found`, `gone`, or where it can't be known
 */
export async function endAnswer(
  client: Client,
  path: string,
  last: UiMessageChunk,
): Promise<boolean> {
  const id = `end-${crypto.randomUUID()}`;
  const producer = client.producer(path, { id, contentType: "application/json" });
  try {
    // Both in one turn, so that they are one batch.
    const sent = producer.sendJson(last);
    const closed = producer.closeStream();
    await Promise.all([sent.then(({ stored }) => stored), closed]);
    return true;
  } catch (error) {
    if (isClosed(error)) return false;
    throw error;
  }
}

/**
 * The same, but only while its tail is where it was seen.
 *
 * @returns whether this ended it; false where it had ended before, or goes on
 * @throws {ClientError} as `endAnswer`
 */
export async function endUnchangedAnswer(
  client: Client,
  path: string,
  last: UiMessageChunk,
  expectedOffset: string,
): Promise<boolean> {
  const writer = client.writer(path, { contentType: "application/json" });
  try {
    await writer.sendJson(last, { close: true, expectedOffset });
    return true;
  } catch (error) {
    if (isClosed(error)) return false;
    if (error instanceof ClientError && error.code === "offset_mismatch") return false;
    throw error;
  }
}

/** Whether the stream was closed before. */
export function isClosed(error: unknown): error is ClientError {
  return error instanceof ClientError && error.code === "stream_closed";
}
