import type { Clock } from "../../env/clock.ts";
import { untilAborted } from "./until_aborted.ts";

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as that is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  let cancelTimer = () => {};
  const slept = new Promise<void>((resolve) => {
    cancelTimer = clock.setTimer(delayMs, resolve);
  });
  return untilAborted(slept, signal, () => cancelTimer());
}
