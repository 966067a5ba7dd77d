import { deepStrictEqual as equal, rejects } from "node:assert";
import { type NextAttempt, retry, RetryBudget } from "../../../src/client/transport/retry_loop.ts";
import { Backoff, withoutJitter } from "../../../src/env/backoff.ts";
import { drainEventLoop } from "../../support/client/producer_fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** Tries what takes so long and fails as often as there are decisions; moves the clock until it is done. */
async function tryThrough(
  decisions: readonly NextAttempt[],
  { attemptMs = 0, maxElapsedMs = Infinity, isLive = false } = {},
) {
  const clock = new ManualClock();
  const startMs = clock.nowMs();
  const left = [...decisions];
  const attempts: [number: number, atMs: number][] = [];
  const result = retry({
    budget: new RetryBudget(clock, maxElapsedMs),
    backoff: new Backoff({ random: withoutJitter }),
    signal: undefined,
    isLive,
    attempt(number) {
      attempts.push([number, clock.nowMs() - startMs]);
      clock.advance(attemptMs);
      return left.length === 0 ? Promise.resolve("done") : Promise.reject(new Error("failed"));
    },
    decide: (outcome) => "error" in outcome ? left.shift() : undefined,
  });
  let isDone = false;
  const settled = result.then(() => "done", (error: Error) => error.message)
    .finally(() => isDone = true);
  for (await drainEventLoop(); !isDone; await drainEventLoop()) clock.advance(50);
  return { result: await settled, attempts };
}

Deno.test("what may succeed later is tried again after waits that grow", async () => {
  const { result, attempts } = await tryThrough([0, 0, 0]);
  equal([result, attempts], ["done", [[1, 0], [2, 100], [3, 300], [4, 700]]]);
});

Deno.test("an attempt at once neither waits nor counts", async () => {
  const { attempts } = await tryThrough(["at once", 0, "at once", 0]);
  equal(attempts, [[1, 0], [1, 0], [2, 100], [2, 100], [3, 300]]);
});

Deno.test("a wait is as long as the server asks for", async () => {
  equal((await tryThrough([700])).attempts, [[1, 0], [2, 700]]);
});

Deno.test("what no attempt can help fails with its own error", async () => {
  equal(await tryThrough([undefined, 0]), { result: "failed", attempts: [[1, 0]] });
});

Deno.test("no attempt begins when the budget is used up", async () => {
  const { result, attempts } = await tryThrough([0, 0, 0, 0], { maxElapsedMs: 699 });
  equal([result, attempts], ["failed", [[1, 0], [2, 100], [3, 300]]]);
});

Deno.test("the time of the first attempt counts, unless it may wait in good health", async () => {
  const options = { attemptMs: 1_000, maxElapsedMs: 1_000 };
  equal((await tryThrough([0, 0], options)).attempts.length, 1);
  equal((await tryThrough([0], { ...options, isLive: true })).result, "done");
});

Deno.test("a success renews the budget", () => {
  const clock = new ManualClock();
  const budget = new RetryBudget(clock, 100);
  equal(budget.allows(100, clock.nowMs()), true);
  clock.advance(50);
  equal(budget.allows(100, clock.nowMs()), false);
  budget.reset();
  equal(budget.allows(100, clock.nowMs()), true);
});

Deno.test("an error from decide ends the attempts", async () => {
  await rejects(
    retry({
      budget: new RetryBudget(new ManualClock(), 1_000),
      backoff: new Backoff(),
      signal: undefined,
      attempt: () => Promise.resolve(1),
      decide: () => {
        throw new Error("enough");
      },
    }),
    /enough/,
  );
});
