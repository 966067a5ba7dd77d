import { deepStrictEqual as equal, ok } from "node:assert";
import { Backoff, parseRetryAfter } from "../../../src/client/transport/backoff.ts";

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

Deno.test("Retry-After is seconds or a date, anything else is nothing", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  equal(parseRetryAfter(null, nowMs), undefined);
  equal(parseRetryAfter("7", nowMs), 7_000);
  equal(parseRetryAfter("0", nowMs), 0);
  equal(parseRetryAfter("Thu, 01 Jan 2026 00:00:05 GMT", nowMs), 5_000);
  equal(parseRetryAfter("Thu, 01 Jan 1970 00:00:05 GMT", nowMs), 0);
  for (const value of ["", "soon", "7s"]) equal(parseRetryAfter(value, nowMs), undefined, value);
});
