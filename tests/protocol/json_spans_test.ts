import { deepEqual as equal } from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { scanArray, scanSpans } from "../../src/protocol/json_spans.ts";

function elements(text: string): string[] | undefined {
  const bytes = encodeUtf8(text);
  const spans = scanArray(bytes);
  if (spans === undefined) return undefined;
  return Array.from(
    { length: spans.length / 2 },
    (_, i) => new TextDecoder().decode(bytes.subarray(spans[2 * i], spans[2 * i + 1])),
  );
}

Deno.test("an array's elements keep their bytes, without the white space around them", () => {
  equal(elements(' [ {"a" : [1,2]} ,\n"x,]\\"" , 1.0 ] \n'), ['{"a" : [1,2]}', '"x,]\\""', "1.0"]);
});

Deno.test("an empty array has no elements", () => {
  for (const text of ["[]", " [ ] "]) equal(elements(text), []);
});

Deno.test("what isn't one whole array has none to give", () => {
  for (const text of ["", " ", "{}", "1", '"[]"', "[", "[1}", "[1]2", "[1][2]", '["]']) {
    equal(elements(text), undefined, text);
  }
});

Deno.test("however deep it nests, an array is split", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  equal(elements(`[${deep}]`), [deep]);
});

Deno.test("a scan with a limit stops at the first bracket that is too deep", () => {
  const { isTooDeep, end } = scanSpans(encodeUtf8("[[1],[[2]]]"), 2);
  equal([isTooDeep, end], [true, 6]);
});

Deno.test("each element is found, and an array that was cut anywhere is not whole", () => {
  fc.assert(fc.property(fc.array(fc.json(), { minLength: 1 }), fc.nat(), (values, cut) => {
    const text = `[${values.join(", ")}]`;
    const bytes = encodeUtf8(text);
    equal(elements(text), values.map((value) => value.trim()));
    equal(scanArray(bytes.subarray(0, cut % bytes.length)), undefined);
  }));
});
