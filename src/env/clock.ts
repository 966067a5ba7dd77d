/** The only access to the time: all that waits, leases or expires uses it, and tests inject a clock of their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Calls `run` once after `delayMs`, unless the returned function is called before. */
  setTimer(delayMs: number, run: () => void): () => void;
}

/** Longer timers fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock, whose timers wait for 24 days at most. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Whether so much time has passed since `atMs`, or the clock was set back to before it: then nobody knows. */
export function hasPassed(ms: number, atMs: number, nowMs: number): boolean {
  return nowMs < atMs || nowMs - atMs >= ms;
}
