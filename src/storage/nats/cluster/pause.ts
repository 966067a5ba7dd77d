import type { Clock } from "../../../env/clock.ts";

/** Resolves after so long by a clock. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(delayMs, resolve));
}
