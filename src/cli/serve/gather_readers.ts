/** How many live readers streams have, by the streams' ids. */
export type ReaderCounts = ReadonlyMap<number, number>;

/** Those of several threads together. */
export async function gatherReaders(
  threads: readonly { countReaders(ids: readonly number[]): Promise<ReaderCounts> }[],
  ids: readonly number[],
): Promise<ReaderCounts> {
  const sums = new Map<number, number>();
  for (const counts of await Promise.all(threads.map((thread) => thread.countReaders(ids)))) {
    for (const [id, count] of counts) sums.set(id, (sums.get(id) ?? 0) + count);
  }
  return sums;
}
