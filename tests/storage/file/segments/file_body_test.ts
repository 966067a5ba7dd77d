import { deepStrictEqual as equal, ok } from "node:assert";
import { Buffer } from "node:buffer";
import {
  bodyLength,
  type FileBody,
  type FileBodyKind,
  isFileSlice,
} from "../../../../src/env/file_body.ts";
import type { Bytes } from "../../../../src/protocol/bytes.ts";
import type { FileStorageOptions } from "../../../../src/storage/file/options.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { flipBit } from "../../../support/wal_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const MIB = 1024 * 1024;
const BYTES = "application/octet-stream";
const LOG = "segments/01/0000000000000001-00000000000000000000.log";
/** Short blocks, one longer than what is checked at once, and some that end within it. */
const LENGTHS = [...Array(100).fill(4096), 300_000, ...Array(10).fill(70_001)];
const TOTAL = LENGTHS.reduce((sum, length) => sum + length, 0);

/** The shortest body that comes as part of its file. */
const SHORTEST: Readonly<Record<FileBodyKind, number>> = { blob: 256 * 1024, slice: 32 * 1024 };

function withStream(
  run: (kit: FileKit, fileSystem: HookedFileSystem) => Promise<void>,
  options: Omit<FileStorageOptions, "dir"> = {},
  contentType = BYTES,
): () => Promise<void> {
  return () =>
    withTempDir(async (root) => {
      const fileSystem = new HookedFileSystem();
      fileSystem.sendsFiles = true;
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
        await run(kit, fileSystem);
      } finally {
        await kit.close();
      }
    });
}

async function body(
  kit: FileKit,
  kind: FileBodyKind,
  from: number,
  limitBytes = 1 << 30,
  name = "s",
): Promise<{ isInFile: boolean; bytes: Bytes }> {
  const { storage } = kit;
  ok(storage.readBody !== undefined);
  const { start, next, data } = await storage.readBody(name, from, limitBytes, kind);
  const isInFile = !(data instanceof Uint8Array);
  const bytes = isInFile ? await bytesOf(data) : data;
  equal(isInFile && kind, isInFile && (data instanceof Blob ? "blob" : "slice"));
  equal(next, start + bytes.length);
  return { isInFile, bytes };
}

async function bytesOf(data: FileBody): Promise<Bytes> {
  if (data instanceof Blob) return new Uint8Array(await data.arrayBuffer());
  const bytes = new Uint8Array(bodyLength(data));
  equal(data.file.readSync(bytes, data.start), bytes.length);
  data.release();
  return bytes;
}

async function read(kit: FileKit, from: number, limitBytes = 1 << 30): Promise<Bytes> {
  return (await kit.storage.read("s", from, limitBytes)).data;
}

Deno.test(
  "a fork that ends a byte into a block reads that byte too",
  withStream(async (kit) => {
    await kit.storage.create("fork", { fork: { source: "s", offset: 4097 } });
    const { data } = await kit.storage.read("fork", 0, MIB);
    ok(Buffer.compare(data, (await read(kit, 0)).subarray(0, 4097)) === 0);
  }),
);

for (const kind of ["blob", "slice"] as const) {
  Deno.test(
    `a warm, long range comes as a ${kind} of the same bytes`,
    withStream(async (kit) => {
      equal((await body(kit, kind, 0)).isInFile, false, "cold: it is read off the main thread");
      for (const from of [0, 4096, 5000, 100 * 4096 + 7, TOTAL - 300_000]) {
        const { isInFile, bytes } = await body(kit, kind, from);
        ok(isInFile, `from ${from}`);
        ok(Buffer.compare(bytes, await read(kit, from)) === 0, `from ${from}`);
      }
      const { isInFile, bytes } = await body(kit, kind, 3, MIB / 2);
      ok(isInFile && bytes.length <= MIB / 2);
      ok(Buffer.compare(bytes, await read(kit, 3, MIB / 2)) === 0);
    }),
  );

  Deno.test(
    `a range too short for a ${kind} comes as bytes`,
    withStream(async (kit) => {
      await body(kit, kind, 0);
      equal((await body(kit, kind, 0, SHORTEST[kind] - 1)).isInFile, false);
      equal((await body(kit, kind, TOTAL - SHORTEST[kind] + 1)).isInFile, false);
      equal((await body(kit, kind, TOTAL)).bytes.length, 0);
    }),
  );

  Deno.test(
    `a short chunk is never a ${kind}, though what is read ahead with it is long`,
    withStream(async (kit) => {
      await body(kit, kind, 0);
      for (const from of [0, 4096, 20 * 4096]) {
        const { isInFile, bytes } = await body(kit, kind, from, 8192);
        equal([isInFile, bytes.length], [false, 8192], `from ${from}`);
      }
    }),
  );

  Deno.test(
    `a range still in memory comes as ${kind === "blob" ? "bytes" : "a slice of a copy"}`,
    withStream(async (kit) => {
      const appended = Uint8Array.from({ length: 400_000 }, (_, i) => i % 251);
      await kit.storage.append("s", { contentType: BYTES, body: appended });
      const { isInFile, bytes } = await body(kit, kind, TOTAL);
      equal(isInFile, kind === "slice");
      ok(Buffer.compare(bytes, appended) === 0);
      await body(kit, kind, 0);
      equal((await body(kit, kind, 0)).bytes.length, TOTAL, "it ends where its file does");
    }, { walBytes: 64 * MIB }),
  );

  Deno.test(
    kind === "blob" ? "JsonComesAsBytesAndNoABlob" : "JsonComesAsASliceOfWholeMessages",
    withStream(
      async (kit) => {
        await body(kit, kind, 0);
        const { isInFile, bytes } = await body(kit, kind, 0, 50_000);
        equal(isInFile, kind === "slice");
        ok(Buffer.compare(bytes, await read(kit, 0, 50_000)) === 0);
        equal([...bytes.subarray(-2)], [0x2c, 0x0a]);
      },
      {},
      "application/json",
    ),
  );

  Deno.test(
    `an offset inside a JSON message is refused, cold and warm, as bytes and as a ${kind}`,
    withStream(
      async (kit) => {
        for (let pass = 0; pass < 2; pass++) {
          for (const from of [1, 4097, 100 * 4098 + 300_000, 100 * 4098 + 300_003]) {
            await rejectsWith(body(kit, kind, from), "invalid_offset");
            await rejectsWith(body(kit, kind, from, 4096), "invalid_offset");
          }
          await body(kit, kind, 0);
        }
        const { isInFile } = await body(kit, kind, 4098);
        equal(isInFile, kind === "slice", "and a message's end isn't");
      },
      {},
      "application/json",
    ),
  );

  Deno.test(
    `a fork reads its source as a ${kind}`,
    withStream(async (kit) => {
      await kit.storage.create("fork", { fork: { source: "s", offset: TOTAL - 5 } });
      await body(kit, kind, 0, undefined, "fork");
      const { isInFile, bytes } = await body(kit, kind, 0, undefined, "fork");
      ok(isInFile);
      ok(Buffer.compare(bytes, (await read(kit, 0)).subarray(0, TOTAL - 5)) === 0);
    }),
  );

  Deno.test(
    `a ${kind} ends with its segment`,
    withStream(async (kit) => {
      await body(kit, kind, 0);
      let at = 0;
      const parts: Bytes[] = [];
      while (at < TOTAL) {
        const { bytes } = await body(kit, kind, at);
        ok(bytes.length > 0);
        parts.push(bytes);
        at += bytes.length;
      }
      ok(Buffer.compare(Buffer.concat(parts), await read(kit, 0)) === 0);
    }, { segmentBytes: 500_000 }),
  );

  for (const position of [0, 4095, 100 * 4096 + 200_000, TOTAL - 1]) {
    Deno.test(
      `a flipped bit at ${position} is found before a ${kind} is handed out`,
      withStream(async (kit) => {
        await body(kit, kind, 0);
        flipBit(`${kit.dir}/${LOG}`, position);
        await rejectsWith(body(kit, kind, 0), "damaged");
      }),
    );
  }

  Deno.test(
    `a file cut short is found before a ${kind} is handed out`,
    withStream(async (kit) => {
      await body(kit, kind, 0);
      Deno.truncateSync(`${kit.dir}/${LOG}`, TOTAL - 1);
      await rejectsWith(body(kit, kind, 0), "damaged");
      ok((await body(kit, kind, 0, MIB / 2)).isInFile, "what comes before is whole");
    }),
  );

  Deno.test(
    `a range that a ${kind} was checked for is checked again after a minute`,
    withStream(async (kit, fileSystem) => {
      await body(kit, kind, 0);
      ok((await body(kit, kind, 0)).isInFile);
      const reads = () => {
        let count = 0;
        fileSystem.before = ({ call }) => void (call === "read" && count++);
        return () => count;
      };
      kit.clock.advance(59_000);
      // Checked no more, but still in use.
      const early = reads();
      ok((await body(kit, kind, 0)).isInFile);
      ok(early() <= 1, "none but the test's own");
      kit.clock.advance(2_000);
      const late = reads();
      ok((await body(kit, kind, 0)).isInFile);
      ok(late() > 5);
      flipBit(`${kit.dir}/${LOG}`, 4096);
      kit.clock.advance(61_000);
      await rejectsWith(body(kit, kind, 0), "damaged");
    }),
  );
}

Deno.test(
  "a slice keeps its file open until it is let go of",
  withStream(async (kit, fileSystem) => {
    await body(kit, "slice", 0);
    ok(kit.storage.readBody !== undefined);
    const { data } = await kit.storage.readBody("s", 0, MIB, "slice");
    ok(isFileSlice(data));
    await kit.storage.delete("s");
    await kit.checkpoint();
    const bytes = new Uint8Array(4096);
    equal(data.file.readSync(bytes, data.start), 4096);
    const before = fileSystem.openFiles;
    data.release();
    data.release();
    equal(fileSystem.openFiles, before - 2);
  }),
);

Deno.test(
  "when as many slices are held as may be, the next range comes as bytes",
  withStream(async (kit) => {
    await body(kit, "slice", 0);
    const { storage } = kit;
    ok(storage.readBody !== undefined);
    const { data } = await storage.readBody("s", 0, MIB, "slice");
    ok(isFileSlice(data));
    equal((await body(kit, "slice", 0)).isInFile, false);
    data.release();
    ok((await body(kit, "slice", 0)).isInFile);
  }, { maxOpenFiles: 4 }),
);
