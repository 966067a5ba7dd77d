import type { ServerContext } from "../verbs/context.ts";

/** How many long-polls and SSE connections each stream has in this thread, by the streams' ids. */
export function countReaders({ sse, polls }: ServerContext): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  sse.countInto(counts);
  polls.countInto(counts);
  return counts;
}
