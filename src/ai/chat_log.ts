import type { Client } from "../client/client.ts";
import { ClientError } from "../client/errors/client_error.ts";
import type { CallOptions } from "../client/transport/call_options.ts";
import { type ChatAddress, chatPath } from "./chat_names.ts";

/** What a chat's own stream says of one answer. */
export interface ChatEntry {
  /** The answer's id. */
  readonly answer: string;
  /** The messages that it answers, where the server was told to keep them. */
  readonly messages?: readonly unknown[];
}

/**
 * Notes an answer as the chat's newest one. Nothing is ever taken back, so that an answer that ends
 * can't hide the one after it.
 */
export async function noteAnswer(
  client: Client,
  address: ChatAddress,
  entry: ChatEntry,
  ttlSeconds: number | undefined,
): Promise<void> {
  const path = chatPath(address);
  const contentType = "application/json";
  await client.create(path, { contentType, ttlSeconds }).catch((error: unknown) => {
    // There with another time to live: its own.
    if (!(error instanceof ClientError) || error.code !== "conflict") throw error;
  });
  // By a producer of its own, so that a lost answer doesn't note it twice.
  const producer = client.producer(path, {
    id: `note-${encodeURIComponent(entry.answer)}`,
    contentType,
  });
  const { stored } = await producer.sendJson(entry);
  await stored;
}

/**
 * The newest answer of a chat; undefined where there is none.
 *
 * @throws {ClientError}
 */
export async function newestAnswer(
  client: Client,
  address: ChatAddress,
  options: CallOptions = {},
): Promise<ChatEntry | undefined> {
  const path = chatPath(address);
  const read = (from: { lastBytes?: number }) =>
    client.reader(path, { ...options, ...from, readMode: "catch-up" }).allJson<unknown>();
  try {
    // The entry that the last byte is of; by bytes, since not every stream on NATS was counted.
    const entries = await read({ lastBytes: 1 }).catch((error: unknown) => {
      // An extension: elsewhere all of the chat's answers are read.
      if (error instanceof ClientError && error.code === "unsupported") return read({});
      throw error;
    });
    return toEntry(entries.at(-1));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether a stream isn't there, or not any more. */
export function isMissing(error: unknown): boolean {
  return error instanceof ClientError && (error.code === "not_found" || error.code === "gone");
}

/** An entry, where the value is one. */
export function toEntry(value: unknown): ChatEntry | undefined {
  if (typeof value !== "object" || value === null || !("answer" in value)) return undefined;
  const { answer } = value;
  if (typeof answer !== "string") return undefined;
  const messages = "messages" in value && Array.isArray(value.messages)
    ? value.messages
    : undefined;
  return messages === undefined ? { answer } : { answer, messages };
}
