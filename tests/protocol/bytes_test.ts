import { equal } from "node:assert/strict";
import fc from "fast-check";
import { completeUtf8Length, concatBytes, encodeUtf8, NO_BYTES } from "../../src/protocol/bytes.ts";

Deno.test("completeUtf8Length: a whole end counts whole", () => {
  equal(completeUtf8Length(NO_BYTES), 0);
  for (const text of ["a", "é", "€", "😀", "a😀"]) {
    const bytes = encodeUtf8(text);
    equal(completeUtf8Length(bytes), bytes.length);
  }
});

Deno.test("completeUtf8Length: the beginning of a character is held back", () => {
  for (const character of ["é", "€", "😀"]) {
    const bytes = encodeUtf8(`ab${character}`);
    for (let end = 3; end < bytes.length; end++) {
      equal(completeUtf8Length(bytes.subarray(0, end)), 2);
    }
  }
});

const HOPELESS: readonly (readonly [string, readonly number[]])[] = [
  ["continuation bytes alone", [0x80, 0x80, 0x80]],
  ["four continuation bytes", [0x80, 0x80, 0x80, 0x80]],
  ["a lead byte that UTF-8 doesn't have", [0x61, 0xff]],
  ["the lead of an overlong character", [0x61, 0xc0]],
  ["one continuation byte too many", [0xc3, 0xa9, 0xa9]],
];

for (const [title, bytes] of HOPELESS) {
  Deno.test(`completeUtf8Length: ${title} can't become a character and isn't held back`, () => {
    equal(completeUtf8Length(Uint8Array.from(bytes)), bytes.length);
  });
}

Deno.test("completeUtf8Length, any text cut anywhere: the decoded pieces make the text", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => value.toWellFormed());
  const cuts = fc.array(fc.nat({ max: 160 }), { maxLength: 8 });
  fc.assert(fc.property(text, cuts, (value, places) => {
    const bytes = encodeUtf8(value);
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    let decoded = "";
    let from = 0;
    for (const place of [...places.sort((a, b) => a - b), bytes.length]) {
      const there = bytes.subarray(from, Math.max(from, Math.min(place, bytes.length)));
      const length = completeUtf8Length(there);
      decoded += decoder.decode(there.subarray(0, length));
      from += length;
    }
    equal(decoded, value);
  }));
});

Deno.test("completeUtf8Length, any bytes: at most three are held back", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
    const length = completeUtf8Length(bytes);
    equal(length <= bytes.length && length >= Math.max(0, bytes.length - 3), true);
  }));
});

Deno.test("concatBytes: a single part is returned as it is, several are copied in order", () => {
  const part = encodeUtf8("a");
  equal(concatBytes([]), NO_BYTES);
  equal(concatBytes([part]), part);
  equal(new TextDecoder().decode(concatBytes([part, NO_BYTES, encodeUtf8("bc")])), "abc");
});
