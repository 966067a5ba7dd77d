/** Lets whatever waits have its turn. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets idle streams leave memory, which they do in a later turn. */
export async function evictIdleStreams(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) await yieldToEventLoop();
}
