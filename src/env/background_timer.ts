import { clearTimeout, setTimeout } from "node:timers";
import { type Clock, systemClock } from "./clock.ts";

/**
 * As {@link Clock.setTimer}, but that the process may end before, where nothing else keeps it. Apart from
 * the clock, which browsers have, too.
 */
export function setBackgroundTimer(clock: Clock, delayMs: number, run: () => void): () => void {
  if (clock !== systemClock) return clock.setTimer(delayMs, run);
  // By Node's timers, which all runtimes have: those of Deno's own are numbers.
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
