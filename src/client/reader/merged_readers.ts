import type { Connection } from "../transport/connection.ts";
import type { Message } from "./message.ts";
import type { ReaderOptions } from "./options.ts";
import { Reader } from "./reader.ts";

/** A message of one of several readers, or why one of them has ended. */
export type Merged =
  | { readonly stream: string; readonly message: Message }
  | { readonly stream: string; readonly error: unknown };

interface Next {
  readonly stream: string;
  readonly iterator: AsyncIterator<Message, unknown>;
  readonly result: IteratorResult<Message, unknown> | undefined;
  readonly error: unknown;
}

/** The messages of readers as they come, of each in order; one that fails ends by itself. */
export async function* mergedReaders(
  connection: Connection,
  starts: readonly { readonly path: string; readonly offset: string }[],
  options: Pick<ReaderOptions, "signal" | "maxElapsedMs" | "trimmed">,
): AsyncGenerator<Merged, undefined> {
  const readers = starts.map(({ path, offset }) =>
    new Reader(connection, path, { ...options, offset })
  );
  // Those that have come go behind the others: none is always the first.
  const waiting = new Map<string, Promise<Next>>();
  for (const reader of readers) {
    waiting.set(reader.path, nextOf(reader.path, reader[Symbol.asyncIterator]()));
  }
  try {
    while (waiting.size > 0) {
      const { stream, iterator, result, error } = await Promise.race(waiting.values());
      waiting.delete(stream);
      if (result === undefined) yield { stream, error };
      else if (result.done !== true) {
        yield { stream, message: result.value };
        waiting.set(stream, nextOf(stream, iterator));
      }
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

function nextOf(stream: string, iterator: AsyncIterator<Message, unknown>): Promise<Next> {
  return iterator.next().then(
    (result) => ({ stream, iterator, result, error: undefined }),
    (error: unknown) => ({ stream, iterator, result: undefined, error }),
  );
}
