import type { Suite } from "./suites.ts";

/** How many suites that share the cores run at the same time. */
export const SIDE_BY_SIDE = 2;

/**
 * Runs suites in their order, each alone, and after them those which share the cores: two at a time, the
 * longest first, so that none is left alone in the end.
 *
 * @param run runs one; it says by itself what came of it and doesn't throw
 * @param beforeShared is awaited before the first of those that share the cores, where there is one
 */
export async function runInOrder<S extends Pick<Suite, "sharesCores" | "usualSeconds">>(
  suites: readonly S[],
  run: (suite: S) => Promise<void>,
  beforeShared: () => Promise<void>,
): Promise<void> {
  for (const suite of suites) if (suite.sharesCores !== true) await run(suite);
  const shared = suites.filter((suite) => suite.sharesCores === true)
    .toSorted((a, b) => (b.usualSeconds ?? 0) - (a.usualSeconds ?? 0));
  if (shared.length === 0) return;
  await beforeShared();
  const left = shared.values();
  const lane = async () => {
    for (const suite of left) await run(suite);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
}
