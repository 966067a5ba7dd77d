import { deepStrictEqual as equal } from "node:assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { OrderedNames } from "../../src/storage/ordered_names.ts";

const name = fc.constantFrom("a", "aa", "a/", "b", "ba", "b\uffff", "b🦆", "🦆");
const prefix = fc.oneof(fc.constant(""), name);

/** What a range is, from a plain map. */
function expected(values: ReadonlyMap<string, number>, prefix: string, after: string) {
  const bytes = (text: string) => Buffer.from(text);
  return [...values].map(([name, value]) => ({ name, value }))
    .filter((entry) => entry.name.startsWith(prefix))
    .filter((entry) => Buffer.compare(bytes(entry.name), bytes(after)) > 0)
    .sort((a, b) => Buffer.compare(bytes(a.name), bytes(b.name)));
}

Deno.test("whatever comes and goes, the ranges are in order", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constant("set" as const), name, fc.constant("")) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("delete" as const), name, fc.constant("")) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("range" as const), prefix, prefix) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const names = new OrderedNames<number>();
    const values = new Map<string, number>();
    for (const [i, [kind, one, other]] of steps.entries()) {
      if (kind === "set") {
        names.set(one, i);
        values.set(one, i);
      } else if (kind === "delete") {
        names.delete(one);
        values.delete(one);
      } else {
        equal([...names.range({ prefix: one, after: other })], expected(values, one, other));
      }
      equal([names.size, names.get(one)], [values.size, values.get(one)]);
    }
    equal([...names.range({ prefix: "", after: "" })], expected(values, "", ""));
  }));
});

Deno.test("names that come and go by the thousands leave the others in order", () => {
  const names = new OrderedNames<number>();
  for (const kept of ["c", "a", "b"]) names.set(kept, 1);
  for (let i = 0; i < 5000; i++) {
    names.set(`a${i}`, i);
    if (i % 1500 === 0) equal([...names.range({ prefix: "a", after: "" })].length, 2);
    names.delete(`a${i}`);
  }
  equal([...names.range({ prefix: "", after: "" })].map(({ name }) => name), ["a", "b", "c"]);
});

Deno.test("changes in the middle of a range are seen or not, but never out of order", () => {
  const names = new OrderedNames<number>();
  for (const one of ["a", "b", "c", "d"]) names.set(one, 1);
  const seen: string[] = [];
  for (const { name } of names.range({ prefix: "", after: "" })) {
    seen.push(name);
    if (name !== "a") continue;
    names.delete("b");
    names.set("aa", 1);
    equal([...names.range({ prefix: "a", after: "" })].length, 2);
  }
  equal(seen, ["a", "c", "d"]);
});

Deno.test("names that come and go while others are sorted in slices are in order afterwards", async () => {
  const names = new OrderedNames<number>();
  const values = new Map<string, number>();
  const set = (name: string, value: number) => {
    names.set(name, value);
    values.set(name, value);
  };
  for (let i = 0; i < 10_000; i++) set(`n${(i * 7919) % 10_007}`, i);
  let pauses = 0;
  await names.sort(() => {
    pauses++;
    for (let i = 0; i < 50; i++) {
      set(`m${pauses}-${i}`, i);
      names.delete(`n${pauses * 100 + i}`);
      values.delete(`n${pauses * 100 + i}`);
    }
    set(`n${pauses * 100}`, pauses);
    return Promise.resolve();
  });
  equal(pauses >= 9, true);
  equal([...names.range({ prefix: "", after: "" })], expected(values, "", ""));
  equal(names.sort(() => Promise.reject(new Error("nothing is left to sort"))), undefined);
});
