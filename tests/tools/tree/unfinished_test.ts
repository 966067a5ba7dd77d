import { deepStrictEqual as equal } from "node:assert";
import { unknownOf } from "./unfinished.ts";

Deno.test("unfinished: a violation that isn't listed is unknown, of the same file too", () => {
  const violations = ["src/http/a.ts: has a new fault", "main.ts: the name x has the old word"];
  equal(unknownOf(violations), violations);
});
