import { StreamError } from "../../protocol/errors.ts";
import type { HttpResponse } from "../../http/handler.ts";
import { STREAM_LAST_TIME, STREAM_NEXT_ORDINAL } from "../../protocol/headers.ts";
import { spaceAt } from "../../protocol/offset.ts";
import type { MessageCount, Storage, StreamInfo } from "../../storage/storage.ts";

/**
 * How many messages come before a place in a stream, for who asks with `ordinals=true` (an extension): the
 * ordinal of the next one. Counted from 0, a fork's go on from its source's.
 *
 * @param info what was so when that place was read
 * @throws {StreamError} `ordinals_unsupported`, or as `Storage.countBefore` does
 */
export async function countAt(
  storage: Storage,
  name: string,
  info: StreamInfo,
  position: number,
): Promise<MessageCount> {
  checkOrdinals(storage);
  const offset = { space: spaceAt(info.space, position), position };
  const count = await storage.countBefore?.(name, offset) ?? NOTHING;
  // Of a byte stream that has grown on since, only what was read then still knows it.
  const messages = position === info.tail ? info.messages : undefined;
  return messages === undefined ? count : { ...count, messages };
}

const NOTHING: MessageCount = { messages: 0, lastAtMs: 0 };

/**
 * Checks that the storage counts messages.
 *
 * @throws {StreamError} `ordinals_unsupported`
 */
export function checkOrdinals(storage: Storage): void {
  if (storage.countBefore !== undefined) return;
  throw new StreamError(
    { code: "ordinals_unsupported" },
    "This server's storage doesn't count messages: ask without ordinals.",
  );
}

/** Puts the ordinal of the next message, and when the last one came, into a response. */
export function withOrdinals(response: HttpResponse, count: MessageCount): HttpResponse {
  return { ...response, headers: { ...response.headers, ...ordinalHeaders(count) } };
}

/** The headers that say so. */
export function ordinalHeaders({ messages, lastAtMs }: MessageCount): Record<string, string> {
  const ordinal = { [STREAM_NEXT_ORDINAL]: String(messages) };
  if (messages === 0) return ordinal;
  return { ...ordinal, [STREAM_LAST_TIME]: new Date(lastAtMs).toISOString() };
}
