import { deepStrictEqual as equal, ok } from "node:assert";
import { Backoff, withoutJitter } from "../../src/env/backoff.ts";

Deno.test("waits double from the first up to the longest", () => {
  const backoff = new Backoff({ random: () => 1 });
  equal(Array.from({ length: 9 }, () => backoff.next()), [
    100,
    200,
    400,
    800,
    1600,
    3200,
    6400,
    10_000,
    10_000,
  ]);
  equal(backoff.failures, 9);
});

Deno.test("jitter takes any part of the wait", () => {
  const backoff = new Backoff({ random: () => 0.25, initialDelayMs: 1_000 });
  equal([backoff.next(), backoff.next()], [250, 500]);
});

Deno.test("a success begins anew", () => {
  const backoff = new Backoff({ random: () => 1 });
  backoff.next();
  backoff.next();
  backoff.reset();
  equal([backoff.failures, backoff.next()], [0, 100]);
});

Deno.test("what the server asks for is the least, also past the longest wait", () => {
  const backoff = new Backoff({ random: () => 1, maxDelayMs: 500 });
  equal([backoff.next(30_000), backoff.next(50)], [30_000, 200]);
});

Deno.test("a thousand failures still make a finite wait", () => {
  const backoff = new Backoff({ random: () => 1 });
  for (let i = 0; i < 2_000; i++) ok(backoff.next() <= 10_000);
});

Deno.test("without jitter every wait is as long as it may be", () => {
  const backoff = new Backoff({ initialDelayMs: 500, maxDelayMs: 8_000, random: withoutJitter });
  equal(Array.from({ length: 6 }, () => backoff.next()), [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
});
