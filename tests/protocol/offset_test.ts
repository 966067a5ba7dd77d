import { deepEqual, equal, match, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  formatOffset,
  isOffset,
  OFFSET_SPACES,
  parseOffset,
  parseReadOffset,
  tokenPosition,
} from "../../src/protocol/offset.ts";
import { OFFSET } from "../support/offset.ts";

const position = fc.maxSafeNat();
const space = fc.maxSafeNat().map((value) => value % OFFSET_SPACES);

Deno.test("an offset is one token of 8 characters and 16 digits, without what URLs and clients split at", () => {
  fc.assert(
    fc.property(space, position, (space, position) => match(formatOffset(space, position), OFFSET)),
  );
});

Deno.test("offsets of a stream, any two: their order as strings is their order as numbers", () => {
  fc.assert(fc.property(space, position, position, (space, a, b) => {
    equal(formatOffset(space, a) < formatOffset(space, b), a < b);
    equal(formatOffset(space, a) === formatOffset(space, b), a === b);
  }));
});

Deno.test("offsets, any: what is formatted is parsed to the same", () => {
  fc.assert(fc.property(space, position, (space, position) => {
    const token = formatOffset(space, position);
    deepEqual(parseOffset("Stream-Fork-Offset", token), { space, position });
    deepEqual(parseReadOffset(token), { space, position });
    equal(tokenPosition(token), position);
  }));
});

Deno.test("offsets of two spaces, any: they differ", () => {
  fc.assert(fc.property(space, space, position, (a, b, position) => {
    equal(formatOffset(a, position) === formatOffset(b, position), a === b);
  }));
});

Deno.test("the space is in base 36, the position in decimal", () => {
  equal(formatOffset(0, 0), "00000000-0000000000000000");
  equal(formatOffset(36 ** 4 + 35, 42), "0001000z-0000000000000042");
  equal(formatOffset(OFFSET_SPACES - 1, Number.MAX_SAFE_INTEGER), "zzzzzzzz-9007199254740991");
});

Deno.test("-1 reads from the start and now from the tail", () => {
  equal(parseReadOffset("-1"), 0);
  equal(parseReadOffset("now"), "now");
});

Deno.test("the start as other servers spell it is the start", () => {
  equal(parseReadOffset("0000000000000000_0000000000000000"), 0);
});

Deno.test("an offset as earlier versions spelled it is that offset", () => {
  deepEqual(parseReadOffset("0000000a_0000000000000042"), { space: 10, position: 42 });
});

Deno.test("what begins at an offset is told from what the storage finds", () => {
  equal([0, { space: 1, position: 2 }].every(isOffset), true);
  equal((["now", { sinceMs: 0 }, { lastBytes: 0 }] as const).some(isOffset), false);
});

const MALFORMED = [
  "",
  "0",
  "-2",
  "+1",
  "NOW",
  "abc",
  " 0000000a-0000000000000000",
  "0000000a-000000000000000",
  "0000000a-00000000000000000",
  "000000a-0000000000000000",
  "0000000a.0000000000000000",
  "0000000A-0000000000000000",
  "0000000a-000000000000000a",
  "0000000000000000_0000000000000001",
  `0000000a-${"٠".repeat(16)}`,
  "0000000a-9007199254740992",
  "0000000a-9999999999999999",
  "0000000a-0000000000000000\n",
  "../../../../etc/pass",
];

for (const token of MALFORMED) {
  Deno.test(`the offset ${JSON.stringify(token)} is malformed`, () => {
    throws(() => parseReadOffset(token), {
      code: "invalid_offset",
      message:
        /is malformed: use a Stream-Next-Offset value of the stream \(8 characters, - and 16 digits\), -1 .*now/,
    });
    equal(tokenPosition(token), undefined);
  });
}

Deno.test("an offset that doesn't name its stream is refused, and told from what is malformed", () => {
  throws(() => parseReadOffset("00000000000000000042"), {
    code: "invalid_offset",
    message:
      /^The offset "0{18}42" is one of an earlier version, which .*: use a Stream-Next-Offset value .*, -1 /,
  });
});

Deno.test("where only a minted offset will do, the sentinels are malformed, and not said to be right", () => {
  for (const token of ["-1", "now"]) {
    throws(() => parseOffset("Stream-Expected-Offset", token), {
      code: "invalid_offset",
      message:
        /^Stream-Expected-Offset ".*" is malformed: use a .* value of the stream \(.* 16 digits\)\.$/,
    });
  }
});
