import { deepEqual } from "node:assert/strict";
import { hasPassed } from "../../src/env/clock.ts";

Deno.test("time has passed once it is over, and where the clock was set back to before it began", () => {
  const passed = (nowMs: number) => hasPassed(100, 1000, nowMs);
  deepEqual([999, 1000, 1099, 1100].map(passed), [true, false, false, true]);
  deepEqual([hasPassed(100, -Infinity, 0), hasPassed(0, 1000, 1000)], [true, true]);
});
