import { untilAborted } from "../client/transport/until_aborted.ts";
import type { UiChunk } from "./ui_chunk.ts";

/** What a model makes: what `toUIMessageStream()` of the AI SDK returns, or any iterable of its chunks. */
export type ChatSource = ReadableStream<UiChunk> | AsyncIterable<UiChunk>;

/** What a source is told of its answer. */
export interface ChatRun {
  /** Aborted once the answer is stopped: give it to the model. */
  readonly signal: AbortSignal;
  /** The answer's id. */
  readonly answer: string;
  /** What an earlier worker wrote of it, in order; empty unless this one goes on with it. */
  readonly before: readonly UiChunk[];
}

/**
 * The chunks one by one. An abort ends it with the signal's reason even where the source doesn't look at
 * the signal: such a source is told to end and not waited for.
 */
export async function* chunksOf(
  source: ChatSource,
  signal: AbortSignal,
): AsyncGenerator<UiChunk, void> {
  const iterator = "getReader" in source ? readableChunks(source) : source[Symbol.asyncIterator]();
  let isDone = false;
  try {
    while (true) {
      const next = await untilAborted(iterator.next(), signal);
      if (next.done) {
        isDone = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (!isDone) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

/** Ends a source that nobody reads. */
export function discard(source: ChatSource): void {
  const ended = "getReader" in source ? source.cancel() : source[Symbol.asyncIterator]().return?.();
  void Promise.resolve(ended).catch(() => {});
}

/** Not the stream's own iterator: that ends the stream only after the chunk that is waited for. */
function readableChunks(source: ReadableStream<UiChunk>): AsyncIterator<UiChunk, undefined> {
  const reader = source.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? { done, value: undefined } : { done, value };
    },
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}
