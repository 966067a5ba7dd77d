import { deepEqual, equal } from "node:assert/strict";
import { RateThrottle } from "../../../src/cli/maintenance/rate_throttle.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const HOUR_MS = 3_600_000;
const signal = new AbortController().signal;
const progress = { add: () => {} };

/** For how long spending so much waits, in ms of the clock. */
async function waitMs(throttle: RateThrottle, clock: ManualClock, bytes: number): Promise<number> {
  const startMs = clock.nowMs();
  let isOver = false;
  const spent = throttle.spend(bytes).then(() => isOver = true);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  while (!isOver && clock.nowMs() - startMs < 2 * HOUR_MS) {
    clock.advance(10);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
  await spent;
  return clock.nowMs() - startMs;
}

Deno.test("a rate is kept over many parts, also by those that are too short to wait for", async () => {
  const clock = new ManualClock();
  const throttle = new RateThrottle(clock, 1000, progress, signal);
  const waits = [];
  for (const bytes of [20, 3, 3, 4]) waits.push(await waitMs(throttle, clock, bytes));
  deepEqual(waits, [20, 0, 10, 0]);
});

Deno.test("a clock that is set back makes nobody wait for what it was", async () => {
  const clock = new ManualClock();
  const endless = new RateThrottle(clock, Infinity, progress, signal);
  const limited = new RateThrottle(clock, 1000, progress, signal);
  await endless.spend(100);
  equal(await waitMs(limited, clock, 20), 20);
  clock.advance(-HOUR_MS);
  equal(await waitMs(endless, clock, 100), 0);
  equal(await waitMs(limited, clock, 20), 20);
});
