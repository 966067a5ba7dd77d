import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { nextCursor } from "../../src/protocol/cursor.ts";

const EPOCH_MS = Date.parse("2024-10-09T00:00:00Z");
const at = (interval: number) => EPOCH_MS + interval * 20_000;

Deno.test("the cursor is the number of 20 s intervals since the 9th of October 2024", () => {
  equal(nextCursor(null, EPOCH_MS), 0);
  equal(nextCursor(null, at(1) - 1), 0);
  equal(nextCursor(null, at(1)), 1);
  equal(nextCursor(null, at(1000)), 1000);
});

Deno.test("before the epoch the cursor is 0", () => {
  equal(nextCursor(null, EPOCH_MS - 1), 0);
});

Deno.test("a client's cursor from an earlier interval gets the current one", () => {
  equal(nextCursor("999", at(1000)), 1000);
});

Deno.test("a client's cursor of this interval gets one past it, by at most an hour", () => {
  equal(nextCursor("1000", at(1000), () => 0), 1001);
  equal(nextCursor("1000", at(1000), () => 0.999_999), 1180);
});

Deno.test("a client's cursor from the future gets one past its own", () => {
  equal(nextCursor("5000", at(1000), () => 0), 5001);
});

for (const junk of ["", "abc", "-1", "1.5", "1e3", " 1000", "0x10", "1000,1000"]) {
  Deno.test(`the cursor ${JSON.stringify(junk)} counts as none`, () => {
    equal(nextCursor(junk, at(1000), () => 0), 1000);
  });
}

Deno.test("cursors, any client that echoes at any times: they go up, and never stay within one interval", () => {
  const steps = fc.array(
    fc.tuple(fc.nat({ max: 60_000 }), fc.double({ min: 0, max: 0.999_999, noNaN: true })),
  );
  fc.assert(fc.property(steps, (times) => {
    let nowMs = at(1000);
    let cursor = nextCursor(null, nowMs);
    for (const [waitedMs, random] of times) {
      nowMs += waitedMs;
      const next = nextCursor(String(cursor), nowMs, () => random);
      ok(Number.isInteger(next) && next > cursor, `${next} comes after ${cursor}`);
      ok(next >= Math.floor((nowMs - EPOCH_MS) / 20_000));
      cursor = next;
    }
  }));
});

Deno.test("cursors, any number echoed: the answer is past it, or the current interval where that is later", () => {
  fc.assert(fc.property(fc.nat({ max: 999_999_999_999_999 }), (echoed) => {
    const next = nextCursor(String(echoed), at(1000));
    ok(next > echoed && next >= 1000);
  }));
});
