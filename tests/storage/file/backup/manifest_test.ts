import { deepEqual, equal } from "node:assert/strict";
import { checksum } from "../../../../src/storage/file/directory/checksum.ts";
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
  snapshots: 3,
  snapshotBytes: 500,
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

Deno.test("a manifest that names a file elsewhere is none, though its checksum is right", () => {
  const [file] = MANIFEST.log;
  const others = [
    { log: [{ ...file, name: "../../elsewhere" }] },
    { log: [{ ...file, name: "00000000000000000001.wal/../../elsewhere.wal" }] },
    { log: [{ ...file, sizeBytes: 1e300 }] },
    { log: {} },
    { lsn: "3" },
    { damaged: [{}] },
    { secretsChecksum: "8" },
  ];
  for (const other of others) {
    const forged = new TextDecoder().decode(encodeManifest({ ...MANIFEST, damaged: [] }))
      .replace(/\{[^]*\}/, JSON.stringify({ ...MANIFEST, ...other })).replace(/crc32 .*\n$/, "");
    const end = `crc32 ${checksum(forged).toString(16).padStart(8, "0")}\n`;
    equal(decodeManifest(new TextEncoder().encode(forged + end)), undefined);
  }
  const text = "durable-streams backup, version 1\nno JSON\n";
  const end = `crc32 ${checksum(text).toString(16).padStart(8, "0")}\n`;
  equal(decodeManifest(new TextEncoder().encode(text + end)), undefined);
});
