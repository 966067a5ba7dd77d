/**
 * Does something with each item, so many at a time, taking each as the one before is taken up.
 *
 * @throws {unknown} the first failure, once all that run have ended; no other item is begun after it
 */
export async function inParallel<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = iterate(items);
  let failure: { error: unknown } | undefined;
  const runOne = async () => {
    try {
      while (failure === undefined) {
        const { done, value } = await iterator.next();
        if (done) return;
        await work(value);
      }
    } catch (error) {
      failure ??= { error };
    }
  };
  await Promise.all(Array.from({ length: limit }, runOne));
  if (failure !== undefined) throw failure.error;
}

async function* iterate<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, undefined> {
  yield* items;
  return undefined;
}
