import type { Client } from "../client/client.ts";
import { ClientError } from "../client/errors/client_error.ts";
import { formatPlace, START } from "../client/transport/place.ts";

/** Where the log of one run of TanStack AI is. */
export interface TanstackDurabilityOptions {
  /** The server of the streams. */
  readonly client: Client;
  /** The run's stream. */
  readonly path: string;
  /** The request that is answered: its `Last-Event-ID`, or its `offset`, says where a reader goes on. */
  readonly request?: Request | undefined;
  /** The stream expires after so long without reads or writes; never unless given. */
  readonly ttlSeconds?: number | undefined;
}

/** A chunk and the place behind it. */
interface StoredChunk<CHUNK> {
  offset: string;
  chunk: CHUNK;
}

/**
 * What TanStack AI calls `StreamDurability`, for chunks of any type: `append` gives each chunk a place
 * behind which `read` goes on.
 */
export interface TanstackDurability<CHUNK> {
  resumeFrom: () => string | null;
  append: (chunks: CHUNK[]) => Promise<string[]>;
  read: (offset: string, signal?: AbortSignal) => AsyncIterable<StoredChunk<CHUNK>>;
  close: () => Promise<void>;
  snapshot: () => Promise<StoredChunk<CHUNK>[]>;
}

/**
 * Keeps a run of TanStack AI in a stream:
 * `toServerSentEventsResponse(stream, { durability: { adapter: tanstackDurability({ … }) } })`.
 * One process at a time appends; a second one's append is refused (`offset_mismatch`).
 */
export function tanstackDurability<CHUNK>(
  { client, path, request, ttlSeconds }: TanstackDurabilityOptions,
): TanstackDurability<CHUNK> {
  const contentType = "application/json";
  const writer = client.writer(path, { contentType });
  let tail: string | undefined;
  const open = async () => (await client.create(path, { contentType, ttlSeconds })).nextOffset;
  return {
    resumeFrom() {
      const offset = request?.headers.get("last-event-id") ??
        (request === undefined ? null : new URL(request.url).searchParams.get("offset"));
      return offset === null || offset === "" ? null : offset;
    },
    async append(chunks) {
      if (chunks.length === 0) return [];
      const before = tail ??= await open();
      const { offset } = await writer.send(JSON.stringify(chunks), { expectedOffset: before });
      const after = offset ?? (await client.head(path)).nextOffset;
      tail = after;
      return chunks.map((_, index) =>
        index === chunks.length - 1 ? after : formatPlace({ offset: before, skip: index + 1 })
      );
    },
    async *read(offset, signal) {
      const reader = client.reader(path, { offset, signal });
      for await (const message of reader) {
        yield { offset: message.offset, chunk: message.json<CHUNK>() };
      }
    },
    async close() {
      await client.close(path).catch(ifThere(undefined));
    },
    async snapshot() {
      const reader = client.reader(path, { offset: START, readMode: "catch-up" });
      const messages = await reader.all().catch(ifThere([]));
      return messages.map((message) => ({ offset: message.offset, chunk: message.json<CHUNK>() }));
    },
  };
}

/** What stands for a stream that isn't there; other errors are thrown on. */
function ifThere<T>(otherwise: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof ClientError && error.code === "not_found") return otherwise;
    throw error;
  };
}
