import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { CompactionRecord } from "../../../../src/storage/records.ts";
import { viewOf } from "../../../../src/storage/little_endian.ts";
import { decodeRecord, measureRecord } from "../../../../src/storage/file/wal/record_codec.ts";

const RECORD: CompactionRecord = {
  kind: "compaction",
  id: 63,
  atMs: 1000,
  old: [{ base: 0, generation: 1 }, { base: 4096, generation: 0 }],
  segments: [{ base: 0, end: 8192, bytes: 300, blocks: 2, generation: 2 }],
};
const U64 = (value: number) => value.toString(16).padStart(2, "0").padEnd(16, "0");

Deno.test("the record of a compaction has its golden bytes, and is read as it was written", () => {
  const { lengthBytes, encode } = measureRecord(RECORD);
  const bytes = new Uint8Array(lengthBytes);
  encode(bytes, viewOf(bytes), 0);
  assert.equal(
    Buffer.from(bytes).toString("hex"),
    "0800" + U64(63) + "e803000000000000" + "02000000" + "01000000" +
      U64(0) + U64(1) + "0010000000000000" + U64(0) +
      U64(0) + "0020000000000000" + "2c01000000000000" + U64(2) + U64(2),
  );
  assert.deepEqual(decodeRecord(bytes), RECORD);
});
