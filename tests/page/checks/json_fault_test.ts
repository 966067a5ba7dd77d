import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { jsonFaultAt } from "../../../src/page/checks/json_fault.ts";

Deno.test("the fault of JSON is where its first wrong token begins", () => {
  const cases: readonly (readonly [text: string, at: number])[] = [
    ["{,}", 1],
    ['{"a" 1}', 5],
    ['{"a":1,}', 7],
    ["[1,]", 3],
    ["[1 2]", 3],
    ["1 2", 2],
    ["[1}", 2],
    ["tru", 0],
    ["01", 1],
    ["[-]", 1],
    ["{a:1}", 1],
    ['["\\x"]', 1],
    ["  ", 2],
    ["[[", 2],
    ['{"a":1', 6],
  ];
  for (const [text, at] of cases) equal(jsonFaultAt(text), at, text);
});

Deno.test("JSON that only ends too early has its fault at the end, and whole JSON none before it", () => {
  fc.assert(fc.property(fc.json(), (text) => {
    equal(jsonFaultAt(text), text.length);
  }));
  fc.assert(fc.property(fc.json(), fc.nat(), (text, cut) => {
    const part = text.slice(0, cut % text.length);
    ok(jsonFaultAt(part) <= part.length);
  }));
});
