import { equal, match, notEqual } from "node:assert/strict";
import fc from "fast-check";
import { formatEtag, matchesEtag } from "../../src/protocol/etag.ts";

const TAG = formatEtag("a1-2", 0, 10, false);

Deno.test("an entity tag is quoted and names the stream, the range, the closure and the coding", () => {
  equal(TAG, `"a1-2:0:10"`);
  equal(formatEtag("a1-2", 0, 10, true), `"a1-2:0:10:c"`);
  equal(formatEtag("a1-2", 0, 10, false, "gzip"), `"a1-2:0:10-gzip"`);
  equal(formatEtag("a1-2", 0, 10, true, "gzip"), `"a1-2:0:10:c-gzip"`);
});

const CASES: readonly (readonly [string, string, boolean])[] = [
  ["the tag itself", TAG, true],
  ["the tag weakened", `W/${TAG}`, true],
  ["a list with the tag", `"x", ${TAG}`, true],
  ["a list with the tag weakened and without spaces", `"x",W/${TAG},"y"`, true],
  ["a star", "*", true],
  ["a star between spaces", " * ", true],
  ["another tag", `"x"`, false],
  ["a list of others", `"x", W/"y"`, false],
  ["the tag of the closed stream", formatEtag("a1-2", 0, 10, true), false],
  ["the tag without quotes", "a1-2:0:10", false],
  ["a small w", `w/${TAG}`, false],
  ["nothing", "", false],
];

for (const [title, value, matches] of CASES) {
  Deno.test(`If-None-Match: ${title} ${matches ? "matches" : "doesn't match"}`, () => {
    equal(matchesEtag(value, TAG), matches);
  });
}

const identity = fc.string({ unit: fc.constantFrom(..."0123456789abcdefghijklmnopqrstuvwxyz-") });
const read = fc.tuple(identity, fc.maxSafeNat(), fc.maxSafeNat(), fc.boolean());

Deno.test("entity tags, any two reads: equal only where everything is equal", () => {
  fc.assert(fc.property(read, read, (a, b) => {
    const isSame = a.every((part, i) => part === b[i]);
    if (isSame) equal(formatEtag(...a), formatEtag(...b));
    else notEqual(formatEtag(...a), formatEtag(...b));
  }));
});

Deno.test("entity tags, any read: the tag is found in any list that it is in", () => {
  const others = fc.array(fc.constantFrom(`"x"`, `W/"y"`, `""`), { maxLength: 3 });
  fc.assert(fc.property(read, others, others, fc.boolean(), (values, before, after, weak) => {
    const tag = formatEtag(...values);
    match(tag, /^"[^",]*"$/);
    const list = [...before, weak ? `W/${tag}` : tag, ...after].join(", ");
    equal(matchesEtag(list, tag), true);
    equal(matchesEtag([...before, ...after].join(", "), tag), false);
  }));
});
