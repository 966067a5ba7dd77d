import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, encodeUtf8 } from "../../src/protocol/bytes.ts";
import {
  intoJsonArray,
  isMessageEnd,
  JSON_DEPTH_LIMIT,
  messageEnds,
  splitJson,
  toJsonArray,
} from "../../src/protocol/json.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function stored(text: string): string {
  return decoder.decode(splitJson(encodeUtf8(text)).bytes);
}

function readBack(text: string): string {
  return decoder.decode(toJsonArray(splitJson(encodeUtf8(text)).bytes));
}

const SPLITS: readonly (readonly [string, string, string])[] = [
  ["an object is one message", `{"event":"created"}`, `[{"event":"created"}]`],
  ["an array is a message for each element", `[{"a":1},{"b":2}]`, `[{"a":1},\n{"b":2}]`],
  ["an array is flattened by one level only", `[[1,2],[3,4]]`, `[[1,2],\n[3,4]]`],
  ["a triple array is one message", `[[[1,2,3]]]`, `[[[1,2,3]]]`],
  ["an empty array is no message", ` [ ] `, `[]`],
  ["an array of an empty array is one message", `[[]]`, `[[]]`],
  ["a scalar is one message", ` -1.50e+10 `, `[-1.50e+10]`],
  ["null is one message", `null`, `[null]`],
  ["brackets and commas in strings split nothing", `["],[", "a,\\"b"]`, `["],[",\n"a,\\"b"]`],
  ["a string that ends in backslashes ends", `["\\\\","\\\\\\""]`, `["\\\\",\n"\\\\\\""]`],
  ["white space between messages goes", `[ 1 ,\t2\r\n,\n3 ]`, `[1,\n2,\n3]`],
  ["line breaks inside a message become spaces", `{\n"a":\r\n1}`, `[{ "a":  1}]`],
  ["an escaped line break stays", `"a\\nb"`, `["a\\nb"]`],
];

for (const [title, body, array] of SPLITS) {
  Deno.test(`splitJson: ${title}`, () => equal(readBack(body), array));
}

Deno.test("splitJson: digits, key order and duplicate keys come back as they were", () => {
  const message = `{"n":12345678901234567890, "b":1,"a":2,"a":1e400,"s":"\\u00e9é"}`;
  equal(readBack(message), `[${message}]`);
});

const INVALID: readonly (readonly [string, Uint8Array<ArrayBuffer>, RegExp])[] = [
  ["nothing", encodeUtf8(""), /not valid JSON/],
  ["white space", encodeUtf8(" \n"), /not valid JSON/],
  ["an open array", encodeUtf8("[1,2"), /not valid JSON/],
  ["an open string", encodeUtf8(`["a`), /not valid JSON/],
  ["a trailing comma", encodeUtf8("[1,]"), /not valid JSON/],
  ["two commas", encodeUtf8("[1,,2]"), /not valid JSON/],
  ["two values", encodeUtf8("1 2"), /not valid JSON/],
  ["two arrays", encodeUtf8("[1][2]"), /not valid JSON/],
  ["a bracket that closes nothing", encodeUtf8("]"), /not valid JSON/],
  ["crossed brackets", encodeUtf8(`[{"a":[1}]]`), /not valid JSON/],
  ["a raw line break in a string", encodeUtf8(`"a\nb"`), /not valid JSON/],
  ["a number with a leading zero", encodeUtf8("01"), /not valid JSON/],
  ["NaN", encodeUtf8("NaN"), /not valid JSON/],
  [
    "a byte order mark",
    encodeUtf8("\ufeff{}"),
    /begins with a byte order mark \(EF BB BF\): send it/,
  ],
  ["a byte order mark alone", encodeUtf8("\ufeff"), /begins with a byte order mark/],
  ["a byte order mark before an array", encodeUtf8("\ufeff[1]"), /begins with a byte order mark/],
  [
    "UTF-16 as little endians have it",
    Uint8Array.of(0xff, 0xfe, 0x31, 0),
    /it is UTF-16, .* UTF-8/,
  ],
  ["UTF-16 as big endians have it", Uint8Array.of(0xfe, 0xff, 0, 0x31), /it is UTF-16, .* UTF-8/],
  ["Latin-1", Uint8Array.of(0x22, 0xe9, 0x22), /not UTF-8/],
  ["an overlong character", Uint8Array.of(0x22, 0xc0, 0x80, 0x22), /not UTF-8/],
];

for (const [title, body, message] of INVALID) {
  Deno.test(`splitJson: ${title} is refused`, () => {
    throws(() => splitJson(body), { name: "StreamError", code: "invalid_json", message });
  });
}

Deno.test("splitJson: the deepest nesting that is allowed is taken, one more is refused", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  equal(readBack(nested(JSON_DEPTH_LIMIT)), nested(JSON_DEPTH_LIMIT));
  throws(() => splitJson(encodeUtf8(nested(JSON_DEPTH_LIMIT + 1))), {
    code: "invalid_json",
    message: /deeper than 512 levels/,
  });
});

Deno.test("splitJson: millions of open brackets are refused without a stack overflow", () => {
  throws(() => splitJson(encodeUtf8("[".repeat(5_000_000))), { code: "invalid_json" });
  throws(() => splitJson(encodeUtf8(`{"a":`.repeat(1_000_000))), { code: "invalid_json" });
});

/** White space of JSON, where a document may have it. */
const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });

const NUMBERS = ["0", "-0", "1E5", "0.10", "12345678901234567890", "-1.0e-7"];

const { document } = fc.letrec<{ document: string }>((tie) => ({
  document: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("true", "false", "null", ...NUMBERS),
    fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
    fc.array(fc.tuple(space, tie("document"), space), { maxLength: 4 })
      .map((items) => `[${items.map((item) => item.join("")).join(",")}]`),
    fc.array(fc.tuple(space, fc.string(), space, tie("document"), space), { maxLength: 4 })
      .map((members) =>
        `{${
          members.map(([a, key, b, value, c]) => `${a}${JSON.stringify(key)}${b}:${value}${c}`)
            .join(",")
        }}`
      ),
  ),
}));

const body = fc.tuple(space, document, space).map((parts) => parts.join(""));

/** A document's tokens: what is left when the white space between them is taken away. */
function tokens(text: string): string {
  return text.replaceAll(
    /"(?:[^"\\]|\\.)*"|[ \t\r\n]+/g,
    (part) => part.startsWith('"') ? part : "",
  );
}

Deno.test("splitJson, any document: what is read back is the flattened value", () => {
  fc.assert(fc.property(body, (text) => {
    const value: unknown = JSON.parse(text);
    deepEqual(JSON.parse(readBack(text)), Array.isArray(value) ? value : [value]);
  }));
});

Deno.test("splitJson, any document: every token comes back byte for byte and in order", () => {
  fc.assert(fc.property(body, (text) => {
    const array = Array.isArray(JSON.parse(text));
    equal(tokens(readBack(text)), array ? tokens(text) : `[${tokens(text)}]`);
  }));
});

Deno.test("splitJson, any document: it ends at the messages' ends and nowhere else", () => {
  fc.assert(fc.property(body, (text) => {
    const { bytes, ends } = splitJson(encodeUtf8(text));
    deepEqual(messageEnds(bytes), ends);
    equal(ends.at(-1) ?? 0, bytes.length);
    const value: unknown = JSON.parse(text);
    const messages = ends.map((end, i) => {
      const message = bytes.subarray(ends[i - 1] ?? 0, end);
      equal(isMessageEnd(message.at(-2), message.at(-1)), true);
      return JSON.parse(decoder.decode(message.subarray(0, -2)));
    });
    deepEqual(messages, Array.isArray(value) ? value : [value]);
  }));
});

Deno.test("splitJson, any bodies: appended one after the other they read as one array", () => {
  fc.assert(fc.property(fc.array(body, { maxLength: 4 }), (texts) => {
    const parts = texts.map((text) => splitJson(encodeUtf8(text)).bytes);
    const values: unknown[] = texts.map((text) => JSON.parse(text));
    deepEqual(
      JSON.parse(decoder.decode(toJsonArray(concatBytes(parts)))),
      values.flatMap((value) => Array.isArray(value) ? value : [value]),
    );
  }));
});

Deno.test("splitJson, any text: it is taken or refused just as JSON.parse does", () => {
  const almost = fc.string({ unit: fc.constantFrom(...'[]{},:"\\ \n01aetrufnls-.') });
  fc.assert(
    fc.property(fc.oneof(almost, fc.string({ unit: "binary" })), (text) => {
      // TextEncoder would put U+FFFD where half of a surrogate pair is.
      const sent = encodeUtf8(text);
      let isValid = true;
      try {
        JSON.parse(decoder.decode(sent));
      } catch {
        isValid = false;
      }
      if (isValid) splitJson(sent);
      else throws(() => splitJson(sent), { code: "invalid_json" });
    }),
    { numRuns: 2000 },
  );
});

Deno.test("stored messages end in a comma and a line break", () => {
  equal(stored(`[1, {"a": 2}]`), `1,\n{"a": 2},\n`);
});

Deno.test("isMessageEnd: a comma alone, a line break alone and nothing are none", () => {
  equal(isMessageEnd(0x2c, 0x0a), true);
  equal(isMessageEnd(0x0a, 0x2c), false);
  equal(isMessageEnd(0x2c, 0x2c), false);
  equal(isMessageEnd(undefined, 0x0a), false);
  equal(isMessageEnd(undefined, undefined), false);
});

Deno.test("an array made in place is the same, with and without room before the bytes", () => {
  for (const text of ["[]", "1", '[{"a":[1,2]},"b",3]']) {
    const { bytes } = splitJson(encodeUtf8(text));
    const roomy = new Uint8Array(bytes.length + 1);
    roomy.set(bytes, 1);
    const expected = decoder.decode(toJsonArray(bytes));
    equal(decoder.decode(intoJsonArray(roomy.subarray(1))), expected);
    equal(decoder.decode(intoJsonArray(bytes)), expected);
  }
});
