import { deepStrictEqual as equal, ok, throws } from "node:assert";
import fc from "fast-check";
import {
  isWithin,
  literalPrefix,
  matches,
  parsePattern,
  type Pattern,
} from "../../src/protocol/name_pattern.ts";
import { matchesModel, names, patternTexts } from "../storage/subscriptions/pattern_kit.ts";

/** A pattern, names that it matches, and names that it doesn't. */
const EXAMPLES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["a", ["a"], ["b", "a/b", "aa", "A", "a/", "/a"]],
  ["a/b", ["a/b"], ["a", "a/b/c", "a//b"]],
  ["*", ["a", "*", "é x", "%2F"], ["a/b", "a/", "/a"]],
  ["a/*", ["a/b", "a/", "a/*"], ["a", "a/b/c", "b/a"]],
  ["*/*", ["a/b", "/a", "a/"], ["a", "a/b/c"]],
  ["**", ["a", "a/b", "a//b", "/", "é x/y"], []],
  ["g/**", ["g", "g/a", "g/a/b", "g/", "g//a"], ["gh", "gh/a", "a/g"]],
  ["**/g", ["g", "a/g", "a/b/g", "/g"], ["g/a", "ag", "a/gg"]],
  ["a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/b/b", "a//b"], ["a", "b", "a/b/c", "ab"]],
  ["a/**/b/*", ["a/b/c", "a/x/b/c", "a/b/b/c", "a/b/b"], ["a/b", "a/x/b", "a/x/b/c/d"]],
  ["a/**/b/**/c", ["a/b/c", "a/c/b/c", "a/b/x/c"], ["a/c/b", "a/b/c/d"]],
  ["**/*", ["a", "a/b", ""], []],
  ["a/**/*", ["a/b", "a/b/c"], ["a", "b/a"]],
  ["**/*/**/*", ["a/b", "a/b/c"], ["a"]],
  ["a//b", ["a//b"], ["a/b", "a/x/b"]],
  ["a/", ["a/"], ["a"]],
  ["a.b/[c]?", ["a.b/[c]?"], ["axb/[c]?", "a.b/c", "a.b/cd"]],
  ["a b/€", ["a b/€"], ["a%20b/€"]],
];

for (const [text, matching, others] of EXAMPLES) {
  Deno.test(`the pattern ${text} matches the names that it should, and no others`, () => {
    const pattern = parsePattern(text);
    equal(pattern.text, text);
    for (const name of matching) ok(matches(pattern, name), `matches ${name}`);
    for (const name of others) ok(!matches(pattern, name), `doesn't match ${name}`);
  });
}

const INVALID: readonly (readonly [string, string, RegExp])[] = [
  ["nothing", "", /it is empty/],
  ["a slash at the start", "/a/*", /it starts with a slash, and patterns are relative/],
  ["the reserved segment", "__ds/*", /first segment is __ds, which is reserved/],
  ["the reserved segment alone", "__ds", /reserved/],
  ["..", "a/../*", /segment that is \. or \.\./],
  [".", "*/.", /segment that is \. or \.\./],
  ["a line break", "a\n/*", /control character/],
  ["DEL", "a\u007f", /control character/],
  ["half of a surrogate pair", "a/\ud800", /half of a surrogate pair/],
  ["a star after letters", "a/foo*", /segment "foo\*" a \* stands with other.* either without one/],
  ["a star before letters", "*.log", /segment "\*\.log"/],
  ["two stars after letters", "a**/b", /segment "a\*\*"/],
  ["three stars", "a/***", /segment "\*{3}" .* or \*\* \(any number of segments\)/],
];

for (const [title, text, message] of INVALID) {
  Deno.test(`a pattern with ${title} is invalid`, () => {
    throws(() => parsePattern(text), {
      code: "invalid_subscription",
      failure: { code: "invalid_subscription", field: "pattern" },
      message,
    });
  });
}

Deno.test("a pattern has at most 1,024 bytes of UTF-8 and 64 segments", () => {
  const code = "invalid_subscription";
  equal(parsePattern("a".repeat(1024)).text.length, 1024);
  throws(() => parsePattern("a".repeat(1025)), { code, message: /longer than 1024 bytes/ });
  throws(() => parsePattern("€".repeat(342)), { code, message: /longer than 1024 bytes/ });
  equal(parsePattern(Array(64).fill("a").join("/")).segments.length, 64);
  throws(() => parsePattern(Array(65).fill("**").join("/")), {
    code,
    message: /it has 65 segments, more than 64/,
  });
});

Deno.test("patterns that match the same names have the same segments", () => {
  const segments = (text: string) => parsePattern(text).segments.join("/");
  equal(segments("**/**"), "**");
  equal(segments("a/**/**/**/b/**/**"), "a/**/b/**");
  equal(segments("a/**/*/b"), "a/*/**/b");
  equal(segments("**/*/**/*"), "*/*/**");
  equal(segments("a/*/b/**"), "a/*/b/**");
});

Deno.test("whatever the pattern and the name, they match as the protocol says", () => {
  fc.assert(
    fc.property(patternTexts, names, (text, name) => {
      equal(matches(parsePattern(text), name), matchesModel(text, name));
    }),
    { numRuns: 3000 },
  );
});

/** How many segments of the pattern are looked at to match a name. */
function stepsOf({ text, segments }: Pattern, name: string, isMatch = false): number {
  let steps = 0;
  const counted = new Proxy(segments, {
    get(target, key) {
      if (key !== "length") steps++;
      return Reflect.get(target, key);
    },
  });
  equal(matches({ text, segments: counted }, name), isMatch);
  return steps;
}

Deno.test("no pattern takes more steps than a name's segments times those of its longest literal run", () => {
  const long = Array(512).fill("a").join("/");
  const slashes = "/".repeat(1024);
  ok(stepsOf(parsePattern("a/**"), long, true) < 4);
  const repeat = (segment: string, times: number) => Array(times).fill(segment).join("/");
  ok(stepsOf(parsePattern(`${repeat("**/a", 31)}/**/b`), long) < 2 * 512);
  ok(stepsOf(parsePattern(`${repeat("**", 63)}/b`), long) < 3 * 512);
  ok(stepsOf(parsePattern(`${repeat("**/*", 31)}/**/b`), slashes) < 3 * 1025);
  ok(stepsOf(parsePattern(`**/${repeat("a", 40)}/b/**`), long) < 42 * 512);
  ok(stepsOf(parsePattern(`**/${repeat("a", 8)}/b`), long) < 10 * 512);
});

const PREFIXES: readonly (readonly [string, string])[] = [
  ["a/b", "a/b"],
  ["a/*", "a/"],
  ["a/b/*/c", "a/b/"],
  ["g/**", "g"],
  ["g/**/**", "g"],
  ["g/**/*", "g/"],
  ["g/**/a", "g/"],
  ["*", ""],
  ["**", ""],
  ["**/a", ""],
  ["a//*", "a//"],
  ["a//**", "a/"],
];

for (const [text, prefix] of PREFIXES) {
  Deno.test(`all names that ${text} matches begin with "${prefix}"`, () => {
    equal(literalPrefix(parsePattern(text)), prefix);
  });
}

/** Names that a pattern matches, with the wildcards filled in by what is given. */
function fillIn({ segments }: Pattern, one: string, any: readonly string[]): string {
  return segments.flatMap((segment) => segment === "**" ? any : segment === "*" ? one : segment)
    .join("/");
}

Deno.test("a pattern's literal prefix is what all its names begin with, and no longer text is", () => {
  fc.assert(fc.property(patternTexts, (text) => {
    const pattern = parsePattern(text);
    const matching = [
      fillIn(pattern, "x", []),
      fillIn(pattern, "y", ["y"]),
      fillIn(pattern, "", ["z", "z"]),
    ];
    for (const name of matching) ok(matches(pattern, name));
    equal(commonPrefix(matching), literalPrefix(pattern));
  }));
});

function commonPrefix([first = "", ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

/** An inner pattern, an outer one, and whether all that the one matches the other does. */
const WITHIN: readonly (readonly [string, string, boolean])[] = [
  ["a", "a", true],
  ["a", "b", false],
  ["a/b", "a/*", true],
  ["a/*", "a/b", false],
  ["a/*", "a/**", true],
  ["a/**", "a/*", false],
  ["a/**", "a/*/**", false],
  ["a/*/**", "a/**", true],
  ["a", "a/**", true],
  ["ab", "a/**", false],
  ["**", "**", true],
  ["**", "*/**", true],
  ["**", "*/*/**", false],
  ["**/b", "**", true],
  ["a/**/b", "a/*/**", true],
  ["a/**/b", "a/**/b", true],
  ["a/**/b", "**/b", true],
  ["a/**/b", "a/*/b", false],
  ["a/*/b", "a/**/b", true],
  ["*", "a", false],
  ["*", "**/a", false],
  ["a/**/b/**/c", "a/**/c", true],
  ["a/**/c", "a/**/b/**/c", false],
  ["a//b", "a/*/b", true],
];

for (const [inner, outer, expected] of WITHIN) {
  Deno.test(`the names of ${inner} are ${expected ? "all" : "not all"} names of ${outer}`, () => {
    equal(isWithin(parsePattern(inner), parsePattern(outer)), expected);
  });
}

/** Each ** of a pattern as any number of segments that no pattern names, each * as one of them. */
function instances(segments: readonly string[], most: number): string[][] {
  const [first, ...rest] = segments;
  if (first === undefined) return [[]];
  const behind = instances(rest, most);
  if (first === "*") return behind.map((end) => ["fresh", ...end]);
  if (first !== "**") return behind.map((end) => [first, ...end]);
  return Array.from({ length: most + 1 }, (_, count) => Array(count).fill("fresh"))
    .flatMap((start) => behind.map((end) => [...start, ...end]));
}

Deno.test("a pattern is within another exactly where no name tells otherwise", () => {
  let within = 0;
  const short = fc.array(fc.constantFrom("a", "b", "*", "**"), { minLength: 1, maxLength: 5 })
    .map((segments) => segments.join("/"));
  fc.assert(
    fc.property(short, short, (inner, outer) => {
      // One more than the other has segments is as good as any number.
      const names = instances(inner.split("/"), outer.split("/").length + 1)
        .filter((name) => name.length > 0).map((name) => name.join("/"));
      const expected = names.every((name) => matchesModel(outer, name));
      if (expected) within++;
      equal(isWithin(parsePattern(inner), parsePattern(outer)), expected);
    }),
    { numRuns: 3000 },
  );
  ok(within > 100, `${within} of them were within: the others say little`);
});

Deno.test("what is within another pattern matches only its names", () => {
  fc.assert(fc.property(patternTexts, patternTexts, names, (inner, outer, name) => {
    const [one, other] = [parsePattern(inner), parsePattern(outer)];
    if (isWithin(one, other) && matches(one, name)) ok(matches(other, name));
  }));
});
