import { deepEqual, equal } from "node:assert/strict";
import { decodeManifest, encodeManifest } from "../../../../src/storage/file/backup/manifest.ts";

const MANIFEST = {
  formatVersion: 3,
  uuid: "00112233-4455-6677-8899-aabbccddeeff",
  beganAtMs: 1,
  endedAtMs: 2,
  lsn: 3,
  streams: 4,
  segments: 5,
  segmentBytes: 6,
  catalogBytes: 7,
  catalogChecksum: 8,
  log: [{ name: "00000000000000000001.wal", usedBytes: 512, sizeBytes: 16384 }],
  damaged: [],
  damagedCount: 0,
};

Deno.test("a manifest comes back as it was, and not at all with any byte changed or cut off", () => {
  const bytes = encodeManifest(MANIFEST);
  deepEqual(decodeManifest(bytes), MANIFEST);
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    equal(decodeManifest(changed), undefined);
    equal(decodeManifest(bytes.subarray(0, at)), undefined);
  }
});
