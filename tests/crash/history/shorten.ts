import { type HistoryResult, runHistory } from "./history.ts";

/**
 * Leaves out of a failing history what it fails without: lives, faults, steps, in ever smaller pieces.
 *
 * @param limitMs it is as short as it got by then
 * @returns the shortest that breaks a promise; which one need not be the same
 */
export async function shorten(failing: HistoryResult, limitMs: number): Promise<HistoryResult> {
  const untilMs = performance.now() + limitMs;
  let shortest = failing;
  for (let size = Math.ceil(failing.parts.length / 2); size >= 1;) {
    const before = shortest.parts.length;
    for (let at = 0; at < shortest.parts.length && performance.now() < untilMs;) {
      const left = new Set(shortest.parts.toSpliced(at, size));
      const result = await runHistory(failing.seed, (part) => left.has(part), failing.options);
      if (result.violation === undefined) at += size;
      else shortest = result;
    }
    if (performance.now() >= untilMs) break;
    // The smallest pieces once more, as long as that helps: what was needed before may not be any more.
    if (size > 1) size = Math.ceil(size / 2);
    else if (shortest.parts.length === before) break;
  }
  return shortest;
}
