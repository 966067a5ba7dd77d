import { deepStrictEqual as equal } from "node:assert";
import { BoundedCache } from "../../src/storage/bounded_cache.ts";

interface Value {
  readonly name: string;
  isInUse: boolean;
}

function cacheOf(limit: number, names: string) {
  const evicted: string[] = [];
  const cache = new BoundedCache<string, Value>(limit, {
    isInUse: ({ isInUse }) => isInUse,
    onEvict: ({ name }) => evicted.push(name),
  });
  const add = (name: string, isInUse = false) => {
    const value = { name, isInUse };
    cache.set(name, value);
    return value;
  };
  for (const name of names) add(name);
  return { cache, evicted, add };
}

Deno.test("of too many values the one used longest ago goes first", () => {
  const { cache, evicted, add } = cacheOf(3, "abc");
  for (const name of ["a", "c", "c"]) equal(cache.get(name)?.name, name);
  add("d");
  add("e");
  equal(evicted, ["b", "a"]);
  equal(["a", "b", "c", "d", "e"].filter((name) => cache.get(name) !== undefined), ["c", "d", "e"]);
  equal(cache.size, 3);
});

Deno.test("a value that takes another's place counts as used, and evicts nothing", () => {
  const { cache, evicted, add } = cacheOf(2, "ab");
  const newer = add("a");
  equal(evicted, []);
  add("c");
  equal(evicted, ["b"]);
  equal(cache.get("a"), newer);
});

Deno.test("a value in use stays, however many there are, and goes once it isn't", () => {
  const { cache, evicted, add } = cacheOf(1, "");
  const [a, b] = [add("a", true), add("b", true)];
  equal([cache.size, evicted], [2, []]);
  a.isInUse = false;
  cache.shrink();
  equal(evicted, ["a"]);
  b.isInUse = false;
  cache.shrink();
  equal(evicted, ["a"], "as many as the limit allows stay");
  cache.shrink(0);
  equal([cache.size, evicted], [0, ["a", "b"]]);
});

Deno.test("what is deleted is evicted even in use, and is found no more", () => {
  const { cache, evicted, add } = cacheOf(4, "ab");
  add("c", true);
  for (const name of ["c", "a", "x"]) cache.delete(name);
  equal(evicted, ["c", "a"]);
  equal([cache.get("c"), cache.get("a"), cache.get("b")?.name], [undefined, undefined, "b"]);
  cache.clear();
  equal([cache.size, evicted, cache.get("b")], [0, ["c", "a", "b"], undefined]);
});
