import { equal } from "node:assert/strict";
import { parseTime } from "../../src/protocol/time.ts";

/** The forms themselves are tested with the lifetimes that take them. */

Deno.test("an RFC 3339 time is its milliseconds since 1970", () => {
  equal(parseTime("1970-01-01T00:00:01Z"), 1000);
  equal(parseTime("1969-12-31T23:59:59.999Z"), -1);
  equal(parseTime("2030-01-31t14:00:00.5+02:00"), Date.UTC(2030, 0, 31, 12, 0, 0, 500));
});

Deno.test("what comes after the milliseconds is cut off", () => {
  equal(parseTime("1970-01-01T00:00:00.0019Z"), 1);
});

for (const value of ["", "now", "1000", "2030-02-30T12:00:00Z", "2030-01-31T24:00:00Z", " "]) {
  Deno.test(`${JSON.stringify(value)} is no RFC 3339 time`, () => {
    equal(parseTime(value), undefined);
  });
}
