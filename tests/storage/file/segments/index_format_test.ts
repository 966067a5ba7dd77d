import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import { plainRecord } from "../../../support/plain_record.ts";
import {
  decodeIndexEntry,
  decodeIndexHeader,
  encodeIndexHeader,
  INDEX_ENTRY_BYTES,
  putIndexEntry,
} from "../../../../src/storage/file/segments/index_format.ts";
import { parseSegmentName, segmentPaths } from "../../../../src/storage/file/directory/paths.ts";
import { hex } from "../../../support/hex.ts";

const HEADER = { uuid: "00112233-4455-6677-8899-aabbccddeeff", streamId: 0x3f, base: 8192 };
const GOLDEN_HEADER = hex`
  44 53 49 44 58 00 00 02                          // magic: DSIDX, 0, 0, version 2
  00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff  // the directory's UUID
  3f 00 00 00 00 00 00 00                          // the stream's id
  00 20 00 00 00 00 00 00                          // offset of the segment's first byte
  00 00 00 00                                      // reserved
  46 b8 07 c6                                      // CRC-32 of the 44 bytes before
`;
const ENTRY = {
  end: 12_291,
  filePosition: 0,
  atMs: 1_767_225_600_000,
  messages: 300,
  checksum: 0x12345678,
};
const GOLDEN_ENTRY = hex`
  03 30 00 00 00 00 00 00  // offset after the block's last byte
  00 00 00 00 00 00 00 00  // where the block begins in the .log
  00 a8 da 76 9b 01 00 00  // when its last message came, ms since 1970
  2c 01 00 00 00 00 00 00  // how many of the stream's own messages there are up to the block's end
  78 56 34 12              // CRC-32 of the block
  72 f2 4a 8b              // CRC-32 of the 36 bytes before
`;

function encodeEntry(entry: typeof ENTRY) {
  const bytes = new Uint8Array(INDEX_ENTRY_BYTES);
  putIndexEntry(bytes, 0, entry);
  return bytes;
}

Deno.test("the index header has its golden bytes", () => {
  equal(encodeIndexHeader(HEADER), GOLDEN_HEADER);
  equal(decodeIndexHeader(GOLDEN_HEADER), HEADER);
});

Deno.test("an index entry has its golden bytes", () => {
  equal(encodeEntry(ENTRY), GOLDEN_ENTRY);
  equal(decodeIndexEntry(GOLDEN_ENTRY, 0), ENTRY);
});

Deno.test("an index with any byte changed fails its check", () => {
  for (const at of GOLDEN_HEADER.keys()) {
    const changed = GOLDEN_HEADER.slice();
    changed[at] = (changed[at] ?? 0) ^ 4;
    equal(decodeIndexHeader(changed), undefined, `byte ${at} of the header`);
  }
  for (const at of GOLDEN_ENTRY.keys()) {
    const changed = GOLDEN_ENTRY.slice();
    changed[at] = (changed[at] ?? 0) ^ 4;
    equal(decodeIndexEntry(changed, 0), undefined, `byte ${at} of the entry`);
  }
  equal(decodeIndexEntry(GOLDEN_ENTRY.subarray(0, 39), 0), undefined);
});

Deno.test("index entries round-trip", () => {
  const entry = plainRecord({
    end: fc.maxSafeNat(),
    filePosition: fc.maxSafeNat(),
    atMs: fc.maxSafeNat(),
    messages: fc.maxSafeNat(),
    checksum: fc.nat(0xffff_ffff),
  });
  fc.assert(fc.property(entry, (it) => equal(decodeIndexEntry(encodeEntry(it), 0), it)));
});

Deno.test("segment files are named by stream id and base", () => {
  equal(segmentPaths("segments", 0x1_0000_013f, 4096), {
    log: "segments/3f/000000010000013f-00000000000000004096.log",
    index: "segments/3f/000000010000013f-00000000000000004096.idx",
  });
  equal(parseSegmentName("000000010000013f-00000000000000004096.idx"), {
    streamId: 0x1_0000_013f,
    base: 4096,
    generation: 0,
  });
  equal(parseSegmentName("000000010000013f-4096.idx"), undefined);
});
