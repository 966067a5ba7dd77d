import type { Client } from "../client/client.ts";
import { ClientError } from "../client/errors/client_error.ts";
import type { CallOptions } from "../client/transport/call_options.ts";
import { START } from "../client/transport/place.ts";
import { retryDelayMs } from "../client/transport/response_error.ts";
import { retry, RetryBudget } from "../client/transport/retry_loop.ts";
import { Backoff } from "../env/backoff.ts";
import { systemClock } from "../env/clock.ts";
import { type ChatAddress, chatPath } from "./chat_names.ts";

/** What a chat's own stream says of one answer. */
export interface ChatEntry {
  /** The answer's id. */
  readonly answer: string;
  /** The messages that it answers, where the server was told to keep them. */
  readonly messages?: readonly unknown[];
}

const CONTENT_TYPE = "application/json";
/** So long is tried to note an answer. */
const NOTE_LIMIT_MS = 60_000;

/**
 * Notes an answer as the chat's newest one, once. Nothing is ever taken back, so that an answer that ends
 * can't hide the one after it.
 *
 * @param isNew whether nobody can have noted it before
 * @throws {ClientError}
 */
export async function noteAnswer(
  client: Client,
  address: ChatAddress,
  entry: ChatEntry,
  { isNew, ttlSeconds }: { isNew: boolean; ttlSeconds: number | undefined },
): Promise<void> {
  const path = chatPath(address);
  const writer = client.writer(path, { contentType: CONTENT_TYPE });
  const tail = await openChat(client, path, ttlSeconds);
  // Not by a producer of its own, which would know whether it was noted: each answer would leave one, and a
  // stream has only so many.
  let offset = isNew ? tail : START;
  let mayBeThere = !isNew;
  await retry({
    budget: new RetryBudget(systemClock, NOTE_LIMIT_MS),
    backoff: new Backoff(),
    signal: undefined,
    attempt: async () => {
      if (mayBeThere) {
        const looked = await lookFor(client, path, entry.answer, offset);
        if (looked === undefined) return;
        offset = looked;
      }
      mayBeThere = true;
      await writer.sendJson(entry, { expectedOffset: offset });
    },
    decide: ({ error }) => {
      const isOvertaken = error instanceof ClientError && error.code === "offset_mismatch";
      return isOvertaken ? 0 : retryDelayMs(error);
    },
  });
}

/** Makes a chat's stream where there is none; its tail. */
async function openChat(
  client: Client,
  path: string,
  ttlSeconds: number | undefined,
): Promise<string> {
  const options = { contentType: CONTENT_TYPE, ttlSeconds };
  const { nextOffset } = await client.create(path, options).catch((error: unknown) => {
    // There with another time to live: its own.
    if (error instanceof ClientError && error.code === "conflict") return client.head(path);
    throw error;
  });
  return nextOffset;
}

/** The chat's tail; `undefined` where an answer is noted behind an offset. */
async function lookFor(
  client: Client,
  path: string,
  answer: string,
  offset: string,
): Promise<string | undefined> {
  const reader = client.reader(path, { offset, readMode: "catch-up", trimmed: "skip" });
  while (!reader.upToDate && !reader.closed) {
    const { messages } = await reader.read();
    if (messages.some((message) => toEntry(message.json())?.answer === answer)) return undefined;
  }
  return reader.offset;
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
