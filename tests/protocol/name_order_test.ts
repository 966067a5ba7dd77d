import { deepEqual as equal, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { compareNames, endOfPrefix, isBeforeRange } from "../../src/protocol/name_order.ts";

/** Characters around the places where the orders of UTF-8 and UTF-16 part, and plain ones. */
const CHARACTERS = [
  "a",
  "b",
  "~",
  "é",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "\u{10000}",
  "🦆",
  "\u{10ffff}",
];

const name = fc.oneof(
  fc.array(fc.constantFrom(...CHARACTERS), { maxLength: 4 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary" }),
);

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

Deno.test("U+FFFF comes before what lies above it, though its UTF-16 unit is greater", () => {
  ok("\uffff" > "🦆", "JavaScript's own order is the other one");
  ok(compareNames("\uffff", "🦆") < 0);
  ok(compareNames("🦆", "\ue000") > 0);
  ok(compareNames("a🦆", "a\uffff") > 0);
});

Deno.test("names compare as their bytes in UTF-8 do", () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      equal(Math.sign(compareNames(a, b)), compareBytes(a, b));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("the end of a prefix comes after just those names that begin with it", () => {
  fc.assert(
    fc.property(name, name, (prefix, other) => {
      for (const candidate of [other, `${prefix}${other}`]) {
        const end = endOfPrefix(prefix);
        const isWithin = compareBytes(candidate, prefix) >= 0 &&
          (end === undefined || compareBytes(candidate, end) < 0);
        equal(isWithin, candidate.startsWith(prefix));
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("the end of a prefix: the next code point, where there is none the one before", () => {
  equal(endOfPrefix("logs/"), "logs0");
  equal(endOfPrefix("a\ud7ff"), "a\ue000");
  equal(endOfPrefix("a\u{10ffff}\u{10ffff}"), "b");
  equal(endOfPrefix("\u{10ffff}"), undefined);
  equal(endOfPrefix(""), undefined);
});

Deno.test("before a range: up to `after`, and what comes before the prefix", () => {
  const range = { prefix: "b", after: "bb" };
  equal(["a", "b", "bb", "bba", "bc", "c"].map((one) => isBeforeRange(one, range)), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  equal(isBeforeRange("a", { prefix: "b", after: "" }), true);
  equal(isBeforeRange("b", { prefix: "b", after: "" }), false);
});
