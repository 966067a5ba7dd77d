import { deepEqual, equal } from "node:assert/strict";
import { checkLifetime, type LifetimeInput } from "../../../src/page/checks/lifetime_check.ts";

const INPUT: LifetimeInput = { kind: "forever", amount: "2", unit: "hours", until: "" };

/** The headers that are asked for, or "bad". */
function headersOf(input: Partial<LifetimeInput>, nowMs = 0) {
  const check = checkLifetime({ ...INPUT, ...input }, nowMs);
  return check.kind === "good" ? check.headers : check.kind;
}

Deno.test("a lifetime is a TTL in seconds, a time in UTC, or nothing", () => {
  deepEqual(headersOf({}), {});
  deepEqual(headersOf({ kind: "ttl" }), { "stream-ttl": "7200" });
  const until = new Date(2030, 0, 31, 12, 0);
  deepEqual(headersOf({ kind: "until", until: "2030-01-31T12:00" }), {
    "stream-expires-at": until.toISOString(),
  });
});

Deno.test("a TTL is a whole number up to a hundred years", () => {
  for (const amount of ["", "0", "1.5", "-1", "1e3", "abc", "100000000"]) {
    equal(headersOf({ kind: "ttl", amount, unit: "days" }), "bad", amount);
  }
});

Deno.test("a time that is none, or is over, is told", () => {
  equal(headersOf({ kind: "until", until: "" }), "bad");
  equal(headersOf({ kind: "until", until: "2030-01-31T12:00" }, Date.UTC(2031, 0, 1)), "bad");
});
