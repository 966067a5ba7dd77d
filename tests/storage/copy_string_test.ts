import { equal } from "node:assert/strict";
import { copyString, internString } from "../../src/storage/copy_string.ts";

Deno.test("a text's own copy is the same text", () => {
  for (const text of ["", "s", "text/plain; charset=utf-8", "é∑😀", "x".repeat(5_000)]) {
    equal(copyString(text), text);
    equal(internString(text), text);
    equal(internString(text), text);
  }
});

Deno.test("also past the number of those that are shared", () => {
  for (let i = 0; i < 2_500; i++) equal(internString(`type/${i}`), `type/${i}`);
});
