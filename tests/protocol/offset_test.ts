import { equal, match, throws } from "node:assert/strict";
import fc from "fast-check";
import { formatOffset, parseOffset, parseReadOffset } from "../../src/protocol/offset.ts";

const position = fc.maxSafeNat();

Deno.test("an offset is one token of 20 digits, without what URLs and clients split at", () => {
  fc.assert(fc.property(position, (value) => match(formatOffset(value), /^[0-9]{20}$/)));
});

Deno.test("offsets, any two: their order as strings is their order as numbers", () => {
  fc.assert(fc.property(position, position, (a, b) => {
    equal(formatOffset(a) < formatOffset(b), a < b);
    equal(formatOffset(a) === formatOffset(b), a === b);
  }));
});

Deno.test("offsets, any: what is formatted is parsed to the same", () => {
  fc.assert(
    fc.property(
      position,
      (value) => equal(parseOffset("Stream-Fork-Offset", formatOffset(value)), value),
    ),
  );
});

Deno.test("no offset is spelled like a sentinel", () => {
  equal(formatOffset(0), "00000000000000000000");
});

Deno.test("-1 reads from the start and now from the tail", () => {
  equal(parseReadOffset("-1"), 0);
  equal(parseReadOffset("now"), "now");
});

Deno.test("the start as other servers spell it is the start", () => {
  equal(parseReadOffset("0000000000000000_0000000000000000"), 0);
});

const MALFORMED = [
  "",
  "0",
  "-2",
  "+1",
  "NOW",
  "abc",
  " 00000000000000000000",
  "0000000000000000000",
  "000000000000000000000",
  "0000000000000000_0000000000000001",
  "0000000000000000000a",
  "٠".repeat(20),
  "99999999999999999999",
  "00000009007199254740992",
  "00009007199254740992",
  "00000000000000000000\n",
  "../../../../etc/pass",
];

for (const token of MALFORMED) {
  Deno.test(`the offset ${JSON.stringify(token)} is malformed`, () => {
    throws(() => parseReadOffset(token), {
      code: "invalid_offset",
      message: /Stream-Next-Offset value of the stream \(20 digits\), -1 .*now/,
    });
  });
}

Deno.test("where only a minted offset will do, the sentinels are malformed, and not said to be right", () => {
  for (const token of ["-1", "now"]) {
    throws(() => parseOffset("Stream-Expected-Offset", token), {
      code: "invalid_offset",
      message:
        /^Stream-Expected-Offset ".*" is malformed: use a .* value of the stream \(20 digits\)\.$/,
    });
  }
});
