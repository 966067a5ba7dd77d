/**
 * An iteration as a `ReadableStream`, which takes values only as they are read; cancelling it ends the
 * iteration.
 *
 * @param toChunk makes the chunk of a value; an empty one is left out
 * @param last makes the chunk after the last value
 */
export function readableFrom<Value, Chunk extends { readonly length: number }>(
  values: AsyncIterator<Value, undefined>,
  toChunk: (value: Value) => Chunk,
  last: () => Chunk,
): ReadableStream<Chunk> {
  return new ReadableStream<Chunk>({
    pull: async (controller) => {
      let isDone = false;
      let length = 0;
      while (!isDone && length === 0) {
        const { done, value } = await values.next();
        const chunk = done ? last() : toChunk(value);
        isDone = done === true;
        length = chunk.length;
        if (length > 0) controller.enqueue(chunk);
      }
      if (isDone) controller.close();
    },
    cancel: async () => {
      await values.return?.();
    },
  }, { highWaterMark: 0 });
}
