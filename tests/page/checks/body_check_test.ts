import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checkBody, checkFile } from "../../../src/page/checks/body_check.ts";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";

const JSON_TYPE = "application/json";

/** Why a text is no body of a JSON stream. */
function whyNot(text: string): string {
  const check = checkBody(JSON_TYPE, text);
  if (check.kind !== "bad") throw new Error(`${text} is ${check.kind}.`);
  return check.why;
}

Deno.test("a JSON value is one message, and an array as many as it has elements", () => {
  const counts = ['{"a":1}', "null", "[1,2,3]", "[[]]", " 1 "].map((text) => {
    const check = checkBody(JSON_TYPE, text);
    return check.kind === "good" ? check.messages : check;
  });
  deepEqual(counts, [1, 1, 3, 1, 1]);
});

Deno.test("JSON goes out as it was typed, big numbers and the order of keys included", () => {
  const text = '{"b": 12345678901234567890,\n "a": 1e400}';
  const check = checkBody("application/problem+json; charset=utf-8", text);
  ok(check.kind === "good");
  deepEqual(check.bytes, encodeUtf8(text));
});

Deno.test("what is no JSON is told with its line and column", () => {
  match(whyNot('{"a":1,\n "b":}'), /"}" is not expected in line 2, column 6/);
  match(whyNot("[1, 2"), /ends too early, in line 1, column 6/);
  match(
    whyNot("hello"),
    /line 1, column 1\. Text as one message stands in quotation marks: "hello"/,
  );
  match(whyNot('{"a":"b'), /a quotation mark is not expected in line 1, column 6/);
  match(whyNot("[]"), /empty array/);
});

Deno.test("an empty field is empty, and white space is text", () => {
  equal(checkBody(JSON_TYPE, " \n").kind, "empty");
  equal(checkBody("text/plain", "").kind, "empty");
  const check = checkBody("text/plain", " {");
  deepEqual(check, { kind: "good", bytes: encodeUtf8(" {") });
});

Deno.test("a file is taken as it is, and has to be JSON in a JSON stream", () => {
  const bytes = Uint8Array.of(0xff, 0x00);
  deepEqual(checkFile("image/png", bytes), { kind: "good", bytes });
  const asJson = checkFile(JSON_TYPE, bytes);
  ok(asJson.kind === "bad" && /UTF-8/.test(asJson.why));
  const withMark = checkFile(JSON_TYPE, encodeUtf8("\ufeff1"));
  equal(withMark.kind, "bad");
  equal(checkFile("text/plain", new Uint8Array(0)).kind, "bad");
});
