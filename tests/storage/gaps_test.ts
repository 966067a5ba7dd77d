import assert from "node:assert/strict";
import { Gaps } from "../../src/storage/gaps.ts";

// From 100 to 300 there are 50 bytes, and from 300 to 400 there are 10.
const GAPS = new Gaps([
  { base: 300, end: 400, bytes: 10 },
  { base: 0, end: 100, bytes: 100 },
  { base: 100, end: 300, bytes: 50 },
]);

Deno.test("what is missing counts from a position on, and never more than that", () => {
  assert.equal(GAPS.missingFrom(0), 240);
  assert.equal(GAPS.missingFrom(100), 240);
  // The 50 bytes may all be behind that.
  assert.equal(GAPS.missingFrom(200), 140);
  assert.equal(GAPS.missingFrom(260), 90);
  assert.equal(GAPS.missingFrom(395), 0);
  assert.equal(Gaps.NONE.missingFrom(0), 0);
});

Deno.test("where the last bytes begin, no fewer are held from there on", () => {
  assert.equal(GAPS.startOfLast(100, 500), 400);
  assert.equal(GAPS.startOfLast(101, 500), 300);
  assert.equal(GAPS.startOfLast(110, 500), 300);
  assert.equal(GAPS.startOfLast(111, 500), 100);
  assert.equal(GAPS.startOfLast(160, 500), 100);
  assert.equal(GAPS.startOfLast(161, 500), 99);
  assert.equal(GAPS.startOfLast(260, 500), 0);
  assert.equal(GAPS.startOfLast(261, 500), -1);
  // Up to 200 there may be none of the 50.
  assert.equal(GAPS.startOfLast(50, 200), 50);
  assert.equal(Gaps.NONE.startOfLast(70, 100), 30);
});

Deno.test("parts take the place of others", () => {
  const whole = { base: 300, end: 400, bytes: 100 };
  assert.equal(GAPS.replacing([], [whole]).missingFrom(0), 150);
  assert.equal(GAPS.replacing([100, 300], []).isNone, true);
  const merged = GAPS.replacing([300], [{ base: 100, end: 400, bytes: 20 }]);
  assert.equal(merged.missingFrom(0), 280);
});
