import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { Rights } from "../../src/access/rights.ts";
import { matches, parsePattern } from "../../src/protocol/name_pattern.ts";
import { names, patternTexts } from "../storage/subscriptions/pattern_kit.ts";

function rightsOf(...grants: string[]): Rights {
  return new Rights({ subject: "s", grants });
}

Deno.test("a permit is compiled once, and each permit by itself", () => {
  const permit = { subject: "s", grants: ["read a"] };
  equal(Rights.of(permit), Rights.of(permit));
  equal(Rights.of({ ...permit }) === Rights.of(permit), false);
});

Deno.test("a name is allowed where some grant of the verb matches it, whatever the pattern", () => {
  const grants = fc.array(patternTexts, { maxLength: 4 });
  fc.assert(fc.property(grants, names, (patterns, name) => {
    const expected = patterns.some((text) => matches(parsePattern(text), name));
    // Segments may end in a space, and a grant's line is trimmed.
    const lines = patterns.filter((text) => text === text.trim()).map((text) => `read ${text}`);
    if (lines.length < patterns.length) return;
    const rights = rightsOf(...lines, "append **");
    equal(rights.allows("read", name), expected);
    equal(rights.allows("append", name), true);
    equal(rights.allows("delete", name), false);
  }));
});

Deno.test("a pattern is covered by one grant that has all of it, not by several together", () => {
  const rights = rightsOf("subscribe a/**", "subscribe b/*", "read **", "subscribe b/*/**");
  const covers = (text: string) => rights.covers("subscribe", parsePattern(text));
  deepEqual(["a/**", "a", "a/*/x", "b/*", "b/**", "*", "**"].map(covers), [
    true,
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("a grant that can't be read allows nothing, and the others stand", () => {
  const rights = rightsOf(
    "read",
    "reads **",
    "read a*",
    "read /a",
    "admin,read b",
    "read,nothing **",
  );
  equal(rights.allows("read", "a"), false);
  equal(rights.allows("read", "b"), true);
  equal(rights.hasAny("admin"), true);
  equal(rights.hasAny("delete"), false);
});

Deno.test("the ranges of a verb hold every name that it is granted for", () => {
  fc.assert(fc.property(patternTexts, names, (text, name) => {
    if (text !== text.trim()) return;
    const rights = rightsOf(`read ${text}`);
    if (!rights.allows("read", name)) return;
    const isIn = rights.ranges("read").some(({ prefix, isExact }) =>
      isExact ? name === prefix : name.startsWith(prefix)
    );
    equal(isIn, true);
  }));
  deepEqual(rightsOf("read g/**").ranges("read"), [
    { prefix: "g", isExact: true },
    { prefix: "g/", isExact: false },
  ]);
});
