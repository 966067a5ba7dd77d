import { deepStrictEqual as equal, notDeepStrictEqual as notEqual, ok } from "node:assert";
import fc from "fast-check";
import { plainRecord } from "../../../support/plain_record.ts";
import {
  batchSeed,
  decodeBatchHeader,
  decodeLogHeader,
  encodeBatch,
  encodeLogHeader,
  logFileName,
  logSeed,
  paddedBatchBytes,
  parseLogFileName,
} from "../../../../src/storage/file/wal/format.ts";
import { LogBatch } from "../../../../src/storage/file/wal/batch.ts";
import { checksum } from "../../../../src/storage/file/directory/checksum.ts";
import { hex } from "../../../support/hex.ts";

const HEADER = {
  number: 7,
  salt: 0xdeadbeef,
  uuid: "00112233-4455-6677-8899-aabbccddeeff",
  firstLsn: 1000,
  sizeBytes: 0x10_0000,
};
const GOLDEN_HEADER = hex`
  44 53 57 41 4c 00 00 01                          // magic: DSWAL, 0, 0, version 1
  07 00 00 00 00 00 00 00                          // number
  ef be ad de                                      // salt
  00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff  // the directory's UUID
  e8 03 00 00 00 00 00 00                          // sequence number of the first record
  00 00 10 00 00 00 00 00                          // the file's length
  01 3f be e1                                      // CRC-32 of the 52 bytes before
`;
/** At byte 512 of that file. */
const SEED = batchSeed(logSeed(HEADER), 512);
const RECORDS = [hex`aa bb cc`, hex`dd`];
const GOLDEN_BATCH = hex`
  7a da 0c b1              // magic
  0c 00 00 00              // bytes of the records with their lengths
  e8 03 00 00 00 00 00 00  // sequence number of the first record
  e7 03 00 00 00 00 00 00  // records up to here were synced before
  02 00 00 00              // count
  6b 16 a6 fb              // CRC-32 of the records, seeded
  00 00 00 00              // reserved
  47 32 0f 7e              // CRC-32 of the 36 bytes before, seeded
  03 00 00 00              // a record's length
  aa bb cc                 // and the record
  01 00 00 00
  dd
`;

Deno.test("the log header has its golden bytes", () => {
  const bytes = encodeLogHeader(HEADER);
  equal(bytes.length, 512);
  equal(bytes.slice(0, 56), GOLDEN_HEADER);
  equal(bytes.slice(56), new Uint8Array(456));
  equal(decodeLogHeader(bytes), HEADER);
});

Deno.test("the seeds of checksums have their golden numbers", () => {
  equal(logSeed(HEADER), 0xc68f1da0);
  equal(SEED, 0xd74a6fb4);
});

Deno.test("a batch has its golden bytes", () => {
  const bytes = encodeBatch(RECORDS, { firstLsn: 1000, syncedLsn: 999 }, SEED);
  equal(bytes.length, 512);
  equal(bytes.slice(0, 52), GOLDEN_BATCH);
  equal(bytes.slice(52), new Uint8Array(460));
  equal(decodeBatchHeader(bytes, SEED), {
    payloadBytes: 12,
    firstLsn: 1000,
    syncedLsn: 999,
    count: 2,
    payloadChecksum: 0xfba6166b,
  });
});

Deno.test("a batch of the writer is the same", () => {
  const dirty = new Uint8Array(2048).fill(0xff);
  const batch = new LogBatch<number>(1000, dirty);
  RECORDS.forEach((record, i) => {
    equal(
      batch.add(
        { lengthBytes: record.length, encode: (into, _view, at) => into.set(record, at) },
        i,
      ),
      1000 + i,
    );
  });
  equal(batch.lastLsn, 1001);
  const expected = encodeBatch(RECORDS, { firstLsn: 1000, syncedLsn: 999 }, SEED);
  equal(batch.seal(999, SEED), expected);
});

Deno.test("a log header with any byte changed fails its check", () => {
  for (let at = 0; at < 56; at++) {
    const bytes = encodeLogHeader(HEADER);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    equal(decodeLogHeader(bytes), undefined, `byte ${at}`);
  }
  equal(decodeLogHeader(encodeLogHeader(HEADER).subarray(0, 511)), undefined);
});

Deno.test("a batch with any byte changed fails its check", () => {
  for (let at = 0; at < 52; at++) {
    const bytes = encodeBatch(RECORDS, { firstLsn: 1000, syncedLsn: 999 }, SEED);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    const header = decodeBatchHeader(bytes, SEED);
    if (at < 40) equal(header, undefined, `byte ${at}`);
    else ok(checksum(bytes.subarray(40, 52), SEED) !== header?.payloadChecksum, `byte ${at}`);
  }
});

Deno.test("a batch elsewhere or in another life fails its check", () => {
  const bytes = encodeBatch(RECORDS, { firstLsn: 1000, syncedLsn: 999 }, SEED);
  const others = [
    batchSeed(logSeed(HEADER), 1024),
    batchSeed(logSeed({ ...HEADER, number: 8 }), 512),
    batchSeed(logSeed({ ...HEADER, salt: 1 }), 512),
  ];
  for (const seed of others) equal(decodeBatchHeader(bytes, seed), undefined);
});

Deno.test("batches are padded to sectors", () => {
  for (const [payload, whole] of [[0, 512], [472, 512], [473, 1024], [984, 1024], [985, 1536]]) {
    equal(paddedBatchBytes(payload ?? 0), whole);
  }
});

Deno.test("log files are named by their number", () => {
  equal(logFileName(7), "00000000000000000007.wal");
  equal(parseLogFileName("00000000000000000007.wal"), 7);
  for (const name of ["7.wal", "spare-1", "filling", "00000000000000000007.wal.broken"]) {
    equal(parseLogFileName(name), undefined);
  }
  notEqual(logFileName(10), logFileName(1));
});

Deno.test("log headers round-trip", () => {
  const header = plainRecord({
    number: fc.maxSafeNat(),
    salt: fc.nat(0xffff_ffff),
    uuid: fc.uuid(),
    firstLsn: fc.maxSafeNat(),
    sizeBytes: fc.maxSafeNat(),
  });
  fc.assert(fc.property(header, (it) => equal(decodeLogHeader(encodeLogHeader(it)), it)));
});
