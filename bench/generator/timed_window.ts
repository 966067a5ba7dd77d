import type { Timed } from "./commands.ts";
import { quantiles, sleep } from "./figures.ts";
import type { Histogram } from "./histogram.ts";
import { Window } from "./window.ts";

/** What an open loop that runs already did within the window, once its warm-up is over. */
export async function timedWindow(
  { warmSeconds, seconds, watched }: Pick<Timed, "warmSeconds" | "seconds" | "watched">,
  histogram: Histogram,
) {
  await sleep(warmSeconds * 1000);
  histogram.clear();
  const window = new Window(watched);
  await sleep(seconds * 1000);
  return { ...window.end(), units: histogram.count, ...quantiles(histogram) };
}
