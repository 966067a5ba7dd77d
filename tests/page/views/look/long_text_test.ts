import { deepEqual } from "node:assert/strict";
import { chunksOf } from "../../../../src/page/views/look/long_text.tsx";

Deno.test("a long text is cut between characters, also those that are two in UTF-16", () => {
  deepEqual(chunksOf("abc😀d", 4), ["abc😀", "d"]);
  deepEqual(chunksOf("😀😀", 2), ["😀", "😀"]);
  deepEqual(chunksOf("abcdef", 4), ["abcd", "ef"]);
  deepEqual(chunksOf("", 4), []);
});
