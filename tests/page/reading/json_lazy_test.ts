import { deepEqual, equal, ok } from "node:assert/strict";
import { childrenOf, memberOf, valueStart } from "../../../src/page/reading/json_lazy.ts";
import { textOf } from "../../../src/page/reading/message.ts";

const encoder = new TextEncoder();

function children(json: string, limit = 100) {
  const bytes = encoder.encode(json);
  const { children, rest } = childrenOf(bytes, valueStart(bytes), limit);
  const shown = children.map(({ key, kind, start, end }) => [
    key,
    kind,
    textOf(bytes.subarray(start, end)),
  ]);
  return { shown, rest };
}

Deno.test("an object's members have their names, kinds and their own bytes", () => {
  deepEqual(
    children(` { "a\\"}": [1, {"b":2}] , "n":-1.5e3,"s":"x,}\\\\","t":true , "":null} `).shown,
    [
      [`a"}`, "array", `[1, {"b":2}]`],
      ["n", "number", "-1.5e3"],
      ["s", "string", `"x,}\\\\"`],
      ["t", "word", "true"],
      ["", "word", "null"],
    ],
  );
});

Deno.test("an array's elements have their indexes, and what is empty has no children", () => {
  deepEqual(children(`["a",[],{}]`).shown.map(([key, kind]) => [key, kind]), [
    [0, "string"],
    [1, "array"],
    [2, "object"],
  ]);
  for (const empty of ["[]", "{}", "[ ]"]) deepEqual(children(empty).shown, []);
});

Deno.test("of a million members the first hundred are found without looking at the others", () => {
  const json = `{${Array.from({ length: 1_000_000 }, (_, n) => `"key${n}":${n}`).join(",")}}`;
  const bytes = encoder.encode(json);
  const startedAt = performance.now();
  const { children, rest } = childrenOf(bytes, 0, 100);
  ok(performance.now() - startedAt < 100);
  deepEqual([children.length, rest?.index], [100, 100]);
  equal(childrenOf(bytes, 0, 1, rest).children[0]?.key, "key100");
  const found = memberOf(bytes, 0, "key999999");
  equal(textOf(bytes.subarray(found?.start, found?.end)), "999999");
});

Deno.test("of members with one name the last one counts, as in a parser", () => {
  const bytes = encoder.encode(`{"a":1,"a":2}`);
  equal(memberOf(bytes, 0, "a")?.start, 11);
  equal(memberOf(bytes, 0, "b"), undefined);
});
