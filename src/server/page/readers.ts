import type { ServerContext } from "../verbs/context.ts";

/** How many long-polls and connections each stream has in this thread, by the streams' ids. */
export function countOwnReaders(
  { sse, polls, live }: Pick<ServerContext, "sse" | "polls" | "live">,
): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  sse.countInto(counts);
  polls.countInto(counts);
  live.countInto(counts);
  return counts;
}

/** The same of all threads. */
export async function countReaders(context: ServerContext): Promise<ReadonlyMap<number, number>> {
  const { gatherReaders } = context.config;
  return gatherReaders === undefined ? countOwnReaders(context) : await gatherReaders();
}
