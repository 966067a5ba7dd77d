import type { ServerContext } from "../verbs/context.ts";

/** How many long-polls and connections these streams have in this thread, by the streams' ids. */
export function countOwnReaders(
  { sse, polls, live }: Pick<ServerContext, "sse" | "polls" | "live">,
  ids: readonly number[],
): ReadonlyMap<number, number> {
  return new Map(ids.map((id) => [id, sse.countOf(id) + polls.countOf(id) + live.countOf(id)]));
}

/** The same of all threads. */
export async function countReaders(
  context: ServerContext,
  ids: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const { gatherReaders } = context.config;
  return gatherReaders === undefined ? countOwnReaders(context, ids) : await gatherReaders(ids);
}
