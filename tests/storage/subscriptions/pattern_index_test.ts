import { deepStrictEqual as equal, ok } from "node:assert";
import fc from "fast-check";
import { parsePattern } from "../../../src/protocol/name_pattern.ts";
import { PatternIndex } from "../../../src/storage/subscriptions/pattern_index.ts";
import { matchesModel, names, patternTexts } from "./pattern_kit.ts";

function indexOf(texts: readonly string[]): PatternIndex<string> {
  const index = new PatternIndex<string>();
  for (const text of texts) index.add(parsePattern(text), text);
  return index;
}

/** A value, and the pattern or name that finds it. */
interface Entry {
  readonly kind: "pattern" | "name";
  readonly text: string;
  readonly value: number;
}

const entries: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    kind: fc.constant("pattern" as const),
    text: patternTexts,
    value: fc.nat(4),
  }),
  fc.record({ kind: fc.constant("name" as const), text: names, value: fc.nat(4) }),
);

function add(index: PatternIndex<number>, { kind, text, value }: Entry): void {
  if (kind === "name") index.addName(text, value);
  else index.add(parsePattern(text), value);
}

function remove(index: PatternIndex<number>, { kind, text, value }: Entry): void {
  if (kind === "name") index.deleteName(text, value);
  else index.delete(parsePattern(text), value);
}

/** The key of an entry: patterns that match the same names are one pattern. */
function keyOf({ kind, text, value }: Entry): string {
  const segments = kind === "name" ? text : parsePattern(text).segments.join("/");
  return `${kind} ${value} ${segments}`;
}

Deno.test("whatever comes and goes, a name finds each value that matches once, and no other", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ action: fc.constant("add" as const), entry: entries }),
      fc.record({ action: fc.constant("delete" as const), entry: entries }),
      fc.record({ action: fc.constant("delete one" as const), which: fc.nat(40) }),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, fc.array(names, { minLength: 5, maxLength: 20 }), (steps, names) => {
      const index = new PatternIndex<number>();
      const there = new Map<string, Entry>();
      const check = (name: string) => {
        const expected = [...there.values()]
          .filter(({ kind, text }) => kind === "name" ? text === name : matchesModel(text, name))
          .map(({ value }) => value);
        equal([...index.matching(name)].sort(), [...new Set(expected)].sort());
      };
      for (const [i, step] of steps.entries()) {
        if (step.action === "add") {
          add(index, step.entry);
          there.set(keyOf(step.entry), step.entry);
        } else {
          const entry = step.action === "delete" ? step.entry : [...there.values()][step.which];
          if (entry === undefined) continue;
          remove(index, entry);
          there.delete(keyOf(entry));
        }
        check(names[i % names.length] ?? "");
        equal(index.isEmpty, there.size === 0);
      }
      for (const name of names) check(name);
      for (const entry of there.values()) remove(index, entry);
      ok(index.isEmpty);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a value that several patterns and a name find is found once", () => {
  const index = new PatternIndex<number>();
  for (const text of ["**", "a/*", "a/b", "**/b", "*/**", "a/**/b"]) {
    index.add(parsePattern(text), 1);
  }
  index.addName("a/b", 1);
  equal(index.matching("a/b"), [1]);
});

Deno.test("a value that is added twice is there once", () => {
  const index = new PatternIndex<number>();
  for (let i = 0; i < 2; i++) {
    index.add(parsePattern("a/*"), 1);
    index.addName("b", 1);
  }
  equal([index.matching("a/b"), index.matching("b")], [[1], [1]]);
  index.delete(parsePattern("a/*"), 1);
  index.deleteName("b", 1);
  ok(index.isEmpty);
});

Deno.test("of a value's entries the others stay when one is deleted", () => {
  const index = new PatternIndex<number>();
  index.add(parsePattern("a"), 1);
  index.addName("a", 1);
  index.deleteName("a", 1);
  equal(index.matching("a"), [1]);
  index.addName("a", 1);
  index.delete(parsePattern("a"), 1);
  equal(index.matching("a"), [1]);
  index.deleteName("a", 1);
  equal(index.matching("a"), []);
});

Deno.test("what a look-up has found stays as it is when the index changes", () => {
  const index = new PatternIndex<number>();
  index.add(parsePattern("*"), 1);
  const one = index.matching("a");
  index.add(parsePattern("*"), 2);
  const two = index.matching("a");
  index.delete(parsePattern("*"), 1);
  equal([one, two], [[1], [1, 2]]);
});

Deno.test("a name that looks like a pattern is a name", () => {
  const index = new PatternIndex<string>();
  index.addName("a/*", "name");
  index.addName("/a", "slash");
  equal(index.matching("a/b"), []);
  equal(index.matching("a/*"), ["name"]);
  equal(index.matching("/a"), ["slash"]);
});

/** How many of the index's nodes a look-up goes on from: each asks its map for the next segment. */
function stepsOf(index: PatternIndex<string>, name: string): number {
  const { get } = Map.prototype;
  let steps = 0;
  Map.prototype.get = function (key: unknown) {
    steps++;
    return get.call(this, key);
  };
  try {
    index.matching(name);
  } finally {
    Map.prototype.get = get;
  }
  return steps;
}

const count = (times: number, text: (i: number) => string) =>
  Array.from({ length: times }, (_, i) => text(i));

Deno.test("10,000 patterns that don't match take a look-up at most one step", () => {
  const name = "orders/eu/42/events";
  const others = count(2500, (i) => `tenant-${i}/**`);
  others.push(...count(2500, (i) => `tenant-${i}/*/events`));
  others.push(...count(2500, (i) => `orders-${i}/eu/42/events`));
  others.push(...count(2500, (i) => `tenants/${i}/**/events/*`));
  equal(stepsOf(indexOf([]), name), 0);
  equal(stepsOf(indexOf(others), name), 1);
});

Deno.test("10,000 patterns that begin as the name does, or with wildcards, take one step a segment", () => {
  const name = "orders/eu/42/events";
  equal(stepsOf(indexOf(count(10_000, (i) => `orders/eu/42/${i}`)), name), 4);
  equal(stepsOf(indexOf(count(10_000, (i) => `*/*/*/events-${i}/**`)), name), 1);
  equal(stepsOf(indexOf(count(10_000, (i) => `**/n${i}/**/events`)), name), 4);
});

Deno.test("patterns of many wildcards take at most one step for each of their nodes and segments", () => {
  const name = Array(512).fill("a").join("/");
  const repeat = (segment: string, times: number) => Array(times).fill(segment).join("/");
  const nested = `${repeat("**/a", 31)}/**/b`;
  ok(stepsOf(indexOf([nested]), name) <= 512 * 32);
  ok(stepsOf(indexOf([`**/${repeat("a", 62)}/b`]), name) <= 512 * 63);
  const stars = count(
    256,
    (i) =>
      `${[...i.toString(2).padStart(8, "0")].map((bit) => bit === "0" ? "a" : "*").join("/")}/b`,
  );
  ok(stepsOf(indexOf(stars), name) <= 2 * 512);
});

Deno.test("10,000 values by 10,000 patterns that all match are found in one look-up", () => {
  const segments = (i: number) =>
    [...i.toString(2).padStart(14, "0")].map((bit) => bit === "0" ? "a" : "*");
  const index = indexOf(count(10_000, (i) => segments(i).join("/")));
  equal(new Set(index.matching(Array(14).fill("a").join("/"))).size, 10_000);
});
