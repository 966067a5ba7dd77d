import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { TokenRate } from "../../../src/server/limits/token_rate.ts";

/** A bucket as one draws it: tokens, in thousandths, that come with each millisecond. */
class Model {
  readonly #perSecond: number;
  readonly #capacity: number;
  #thousandths: number;
  #atMs = 0;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#capacity = burst * 1000;
    this.#thousandths = this.#capacity;
  }

  /** How many milliseconds until there is a token. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, (1000 - this.#thousandths) / this.#perSecond);
  }

  take(tokens: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#thousandths -= tokens * 1000;
  }

  #fill(nowMs: number): void {
    const added = (nowMs - this.#atMs) * this.#perSecond;
    this.#thousandths = Math.min(this.#capacity, this.#thousandths + added);
    this.#atMs = nowMs;
  }
}

Deno.test("a bucket lets in what a simple model of it does, at once and after any pauses", () => {
  const steps = fc.array(fc.record({
    pauseMs: fc.oneof(fc.nat(5), fc.nat(2000), fc.nat(10_000_000)),
    tokens: fc.oneof(fc.constant(1), fc.nat(5000)),
  }));
  const rates = fc.integer({ min: 1, max: 100_000 });
  fc.assert(
    fc.property(rates, fc.integer({ min: 1, max: 1000 }), steps, (perSecond, burst, steps) => {
      const rate = new TokenRate({ perSecond, burst });
      const model = new Model(perSecond, burst);
      let fullAtMs = 0;
      let nowMs = 0;
      for (const { pauseMs, tokens } of steps) {
        nowMs += pauseMs;
        const waitMs = rate.waitMs(fullAtMs, nowMs);
        const expectedMs = model.waitMs(nowMs);
        ok(Math.abs(waitMs - expectedMs) < 0.002, `it waits ${waitMs} ms and not ${expectedMs}`);
        if (waitMs > 0) continue;
        fullAtMs = rate.take(fullAtMs, tokens, nowMs);
        model.take(tokens, nowMs);
      }
    }),
  );
});

Deno.test("in any second no more than the rate and a burst come through", () => {
  const rate = new TokenRate({ perSecond: 50, burst: 20 });
  let fullAtMs = 0;
  let taken = 0;
  for (let nowMs = 0; nowMs < 1000; nowMs++) {
    for (let i = 0; i < 3; i++) {
      if (rate.waitMs(fullAtMs, nowMs) > 0) continue;
      fullAtMs = rate.take(fullAtMs, 1, nowMs);
      taken++;
    }
  }
  equal(taken, 20 + 49);
});

Deno.test("less than one token at once would let nothing in, and counts as one", () => {
  const rate = new TokenRate({ perSecond: 0.5 });
  equal(rate.waitMs(0, 0), 0);
  equal(rate.waitMs(rate.take(0, 1, 0), 0), 2000);
});
