import { deepStrictEqual as equal, ok } from "node:assert";
import { Patience } from "../../src/client/producer_patience.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** Timers of the runtimes take no longer delay. */
const LONGEST_MS = 2 ** 31 - 1;

Deno.test("a limit longer than a timer can wait is waited out in several", () => {
  const clock = new ManualClock();
  const delays: number[] = [];
  let ends = 0;
  const limitMs = 60 * 86_400_000;
  const patience = new Patience(
    {
      nowMs: () => clock.nowMs(),
      setTimer(delayMs, run) {
        delays.push(delayMs);
        return clock.setTimer(delayMs, run);
      },
    },
    limitMs,
    () => ends++,
  );
  patience.begin();
  clock.advance(limitMs - 1);
  equal(ends, 0);
  clock.advance(1);
  equal(ends, 1);
  ok(delays.length > 1 && delays.every((delay) => delay <= LONGEST_MS), `${delays}`);
});
