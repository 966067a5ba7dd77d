import { deepEqual, equal, throws } from "node:assert/strict";
import { decodeTarHeader, encodeTarHeader } from "../../../../src/storage/file/backup/tar.ts";

const PATH = "segments/01/0000000000000001-00000000000000000000.log";

Deno.test("a header of tar says the name and the length, also one past 8 GiB", () => {
  for (const sizeBytes of [0, 1, 511, 8 ** 11 - 1, 8 ** 11, 2 ** 40 + 3]) {
    deepEqual(decodeTarHeader(encodeTarHeader(PATH, sizeBytes)), { path: PATH, sizeBytes });
  }
  equal(decodeTarHeader(new Uint8Array(512)), undefined);
});

Deno.test("whoever unpacks a backup by tar has the keys of webhooks for himself", () => {
  const mode = (path: string) => new TextDecoder().decode(encodeTarHeader(path, 1).slice(100, 107));
  equal(mode("webhook_keys"), "0000600");
  equal(mode(PATH), "0000644");
});

Deno.test("a header of tar with a changed byte is refused", () => {
  // What ends the sum's own digits is no part of it.
  const ends = [154, 155];
  for (let at = 0; at < 512; at++) {
    if (ends.includes(at)) continue;
    const header = encodeTarHeader(PATH, 100);
    header[at] = (header[at] ?? 0) ^ 1;
    throws(() => decodeTarHeader(header), /fails its checksum/);
  }
});
