import { deepStrictEqual as equal } from "node:assert";
import { parseRetryAfter } from "../../../src/client/transport/retry_after.ts";

Deno.test("Retry-After is seconds or a date, anything else is nothing", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  equal(parseRetryAfter(null, nowMs), undefined);
  equal(parseRetryAfter("7", nowMs), 7_000);
  equal(parseRetryAfter("0", nowMs), 0);
  equal(parseRetryAfter("Thu, 01 Jan 2026 00:00:05 GMT", nowMs), 5_000);
  equal(parseRetryAfter("Thu, 01 Jan 1970 00:00:05 GMT", nowMs), 0);
  for (const value of ["", "soon", "7s"]) equal(parseRetryAfter(value, nowMs), undefined, value);
});
