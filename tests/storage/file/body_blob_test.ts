import { deepStrictEqual as equal, ok } from "node:assert";
import { Buffer } from "node:buffer";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import type { FileStorageOptions } from "../../../src/storage/file/options.ts";
import { refused } from "../../support/expect.ts";
import { FileKit } from "../../support/file_kit.ts";
import { HookedFileSystem } from "../../support/hooked_file_system.ts";
import { flipBit } from "../../support/log_kit.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const MIB = 1024 * 1024;
const BYTES = "application/octet-stream";
const LOG = "segments/01/0000000000000001-00000000000000000000.log";
/** Short blocks, one longer than what is checked at once, and some that end within it. */
const LENGTHS = [...Array(100).fill(4096), 300_000, ...Array(10).fill(70_001)];
const TOTAL = LENGTHS.reduce((sum, length) => sum + length, 0);

function withStream(
  run: (kit: FileKit) => Promise<void>,
  options: Omit<FileStorageOptions, "dir"> = {},
  contentType = BYTES,
): () => Promise<void> {
  return () =>
    withTempDir(async (root) => {
      const fileSystem = new HookedFileSystem();
      fileSystem.hasBlobs = true;
      const kit = new FileKit(root, { fileSystem, ...options });
      await kit.open();
      try {
        await kit.storage.create("s", { contentType });
        let seed = 1;
        for (const length of LENGTHS) {
          const body = Uint8Array.from({ length }, () => (seed = seed * 48271 % 2147483647) & 0x7f);
          if (contentType !== BYTES) body.fill(0x31);
          await kit.storage.append("s", { contentType, body });
        }
        await kit.reopen();
        await run(kit);
      } finally {
        await kit.close();
      }
    });
}

async function body(kit: FileKit, from: number, limitBytes = 1 << 30, name = "s") {
  const { storage } = kit;
  ok(storage.readBody !== undefined);
  const result = await storage.readBody(name, from, limitBytes);
  const { data } = result;
  const bytes = data instanceof Blob ? new Uint8Array(await data.arrayBuffer()) : data;
  equal(result.next, result.start + bytes.length);
  return { isBlob: data instanceof Blob, bytes };
}

async function read(kit: FileKit, from: number, limitBytes = 1 << 30): Promise<Bytes> {
  return (await kit.storage.read("s", from, limitBytes)).data;
}

Deno.test(
  "WhatIsWarmAndLongComesAsABlobOfTheSameBytes",
  withStream(async (kit) => {
    equal((await body(kit, 0)).isBlob, false, "cold: it is read off the main thread");
    for (const from of [0, 4096, 5000, 100 * 4096 + 7, TOTAL - 300_000]) {
      const { isBlob, bytes } = await body(kit, from);
      ok(isBlob, `from ${from}`);
      ok(Buffer.compare(bytes, await read(kit, from)) === 0, `from ${from}`);
    }
    const { isBlob, bytes } = await body(kit, 3, MIB / 2);
    ok(isBlob && bytes.length <= MIB / 2);
    ok(Buffer.compare(bytes, await read(kit, 3, MIB / 2)) === 0);
  }),
);

Deno.test(
  "WhatIsShortComesAsBytes",
  withStream(async (kit) => {
    await body(kit, 0);
    equal((await body(kit, 0, 200_000)).isBlob, false);
    equal((await body(kit, TOTAL - 200_000)).isBlob, false);
    equal((await body(kit, TOTAL)).bytes.length, 0);
  }),
);

Deno.test(
  "WhatIsInMemoryStillComesAsBytes",
  withStream(async (kit) => {
    await kit.storage.append("s", { contentType: BYTES, body: new Uint8Array(400_000) });
    const { isBlob, bytes } = await body(kit, TOTAL);
    equal([isBlob, bytes.length], [false, 400_000]);
    await body(kit, 0);
    equal((await body(kit, 0)).bytes.length, TOTAL, "a blob ends where its file does");
  }, { walBytes: 64 * MIB }),
);

Deno.test(
  "JsonComesAsBytes",
  withStream(
    async (kit) => {
      await body(kit, 0);
      equal((await body(kit, 0)).isBlob, false);
    },
    {},
    "application/json",
  ),
);

Deno.test(
  "ForkReadsItsSourceAsABlob",
  withStream(async (kit) => {
    await kit.storage.create("fork", { fork: { source: "s", offset: TOTAL - 5 } });
    await body(kit, 0, undefined, "fork");
    const { isBlob, bytes } = await body(kit, 0, undefined, "fork");
    ok(isBlob);
    ok(Buffer.compare(bytes, (await read(kit, 0)).subarray(0, TOTAL - 5)) === 0);
  }),
);

Deno.test(
  "ForkThatEndsAByteIntoABlockReadsThatByteToo",
  withStream(async (kit) => {
    await kit.storage.create("fork", { fork: { source: "s", offset: 4097 } });
    const { data } = await kit.storage.read("fork", 0, MIB);
    ok(Buffer.compare(data, (await read(kit, 0)).subarray(0, 4097)) === 0);
  }),
);

Deno.test(
  "BlobEndsWithItsSegment",
  withStream(async (kit) => {
    await body(kit, 0);
    let at = 0;
    const parts: Bytes[] = [];
    while (at < TOTAL) {
      const { bytes } = await body(kit, at);
      ok(bytes.length > 0);
      parts.push(bytes);
      at += bytes.length;
    }
    ok(Buffer.compare(Buffer.concat(parts), await read(kit, 0)) === 0);
  }, { segmentBytes: 500_000 }),
);

for (const position of [0, 4095, 100 * 4096 + 200_000, TOTAL - 1]) {
  Deno.test(
    `AFlippedBitAt${position}IsFoundBeforeABlobIsHandedOut`,
    withStream(async (kit) => {
      await body(kit, 0);
      ok((await body(kit, 0)).isBlob);
      flipBit(`${kit.dir}/${LOG}`, position);
      await refused(body(kit, 0), "damaged");
    }),
  );
}

Deno.test(
  "ACutFileIsFoundBeforeABlobIsHandedOut",
  withStream(async (kit) => {
    await body(kit, 0);
    Deno.truncateSync(`${kit.dir}/${LOG}`, TOTAL - 1);
    await refused(body(kit, 0), "damaged");
    ok((await body(kit, 0, MIB / 2)).isBlob, "what comes before is whole");
  }),
);
