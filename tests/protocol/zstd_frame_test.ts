import { deepEqual, equal, throws } from "node:assert/strict";
import zlib from "node:zlib";
import fc from "fast-check";
import { type Bytes, concatBytes } from "../../src/protocol/bytes.ts";
import { zstdFrameAt } from "../../src/protocol/zstd_frame.ts";

const CUT_OFF = { name: "RangeError", message: "it is cut off" };

function compress(data: Uint8Array, parameters: Record<number, number> = {}): Bytes {
  return new Uint8Array(zlib.zstdCompressSync(data, { params: parameters }));
}

const { ZSTD_c_checksumFlag, ZSTD_c_contentSizeFlag } = zlib.constants;

Deno.test("a frame ends where its last block and its checksum do, and nowhere before", () => {
  const blocks = fc.array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.constantFrom(1, 1000, 300_000)).map(([byte, length]) =>
        new Uint8Array(length).fill(byte)
      ),
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(blocks, fc.boolean(), fc.boolean(), (parts, checksum, size) => {
      const frame = compress(new Uint8Array(parts.flatMap((part) => [...part])), {
        [ZSTD_c_checksumFlag]: Number(checksum),
        [ZSTD_c_contentSizeFlag]: Number(size),
      });
      const around = concatBytes([new Uint8Array(3), frame, new Uint8Array(5)]);
      equal(zstdFrameAt(around, 3).end, 3 + frame.length);
      for (let length = 0; length < Math.min(frame.length, 400); length++) {
        throws(() => zstdFrameAt(frame.subarray(0, length), 0), CUT_OFF);
      }
    }),
    { numRuns: 50 },
  );
});

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const EMPTY_LAST_BLOCK = [1, 0, 0];

/** Heads (RFC 8878 §3.1.1.1) with their window, and how long they are. */
const HEADS: readonly (readonly [string, number[], number])[] = [
  ["a window of its own", [0x00, 0x38], 2 ** 17],
  ["a window between two powers", [0x00, 0x3d], 2 ** 17 + 5 * 2 ** 14],
  ["the widest window", [0x00, 0xff], 2 ** 41 + 7 * 2 ** 38],
  ["a window beside a size and a dictionary", [0x82, 0x38, 1, 1, 9, 9, 9, 9], 2 ** 17],
  ["a size of one byte", [0x20, 200], 200],
  ["a size of two bytes", [0x60, 0x10, 0x01], 256 + 0x110],
  ["a size of four bytes", [0xa0, 0, 0, 0, 0x80], 2 ** 31],
  ["a size of eight bytes", [0xe0, 0, 0, 0, 0, 1, 0, 0, 0], 2 ** 32],
  ["a size behind a dictionary", [0x23, 1, 1, 1, 1, 200], 200],
];

for (const [title, head, windowBytes] of HEADS) {
  Deno.test(`a frame's window: ${title}`, () => {
    const frame = Uint8Array.from([...MAGIC, ...head, ...EMPTY_LAST_BLOCK]);
    deepEqual(zstdFrameAt(frame, 0), { end: frame.length, windowBytes, isSkippable: false });
  });
}

Deno.test("a skippable frame is as long as it says", () => {
  const frame = Uint8Array.of(0x5f, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9);
  deepEqual(zstdFrameAt(frame, 0), { end: 10, windowBytes: 0, isSkippable: true });
  throws(() => zstdFrameAt(frame.subarray(0, 9), 0), CUT_OFF);
});

Deno.test("what is no frame is told with its place", () => {
  const message = "no frame begins at byte 1";
  throws(() => zstdFrameAt(Uint8Array.of(0, 1, 2, 3, 4, 5), 1), { name: "RangeError", message });
});
