import { deepStrictEqual as equal, ok } from "node:assert";
import { crc32 } from "node:zlib";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { StreamError } from "../../../../src/protocol/errors.ts";
import { formatOffset, spaceAt } from "../../../../src/protocol/offset.ts";
import type { FileStorageOptions } from "../../../../src/storage/file/options.ts";
import {
  decodeIndexEntry,
  decodeIndexHeader,
  encodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
} from "../../../../src/storage/file/segments/index_format.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { flipBit } from "../../../support/wal_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const TEXT = "text/plain";
const ID = "0000000000000001";
const LOG = `segments/01/${ID}-00000000000000000000.log`;
const INDEX = `segments/01/${ID}-00000000000000000000.idx`;
/** Ten blocks of 4,000 bytes, and 100 bytes in the row. */
const MESSAGES = [...Array.from({ length: 10 }, (_, i) => `${i}`.repeat(4000)), "!".repeat(100)];
const WHOLE = MESSAGES.join("");

function withStream(
  options: Omit<FileStorageOptions, "dir">,
  run: (kit: FileKit) => Promise<void>,
): () => Promise<void> {
  return () =>
    withTempDir(async (root) => {
      const kit = new FileKit(root, options);
      await kit.open();
      try {
        await kit.storage.create("s", { contentType: TEXT });
        for (const message of MESSAGES) await append(kit, "s", message);
        await kit.reopen();
        await run(kit);
      } finally {
        await kit.close();
      }
    });
}

function append(kit: FileKit, name: string, text: string) {
  return kit.storage.append(name, { contentType: TEXT, body: encodeUtf8(text) });
}

async function read(kit: FileKit, from: number, limit = 1 << 30): Promise<string> {
  return new TextDecoder().decode((await kit.storage.read("s", from, limit)).data);
}

/** Where a read from here on, which is of what is damaged, says that reading can go on. */
async function nextAfterDamage(kit: FileKit, from: number, name = "s"): Promise<number> {
  const error: unknown = await kit.storage.read(name, from, 1 << 30).catch((error) => error);
  ok(error instanceof StreamError && error.failure.code === "damaged", String(error));
  ok(error.failure.next !== undefined);
  const { next } = error.failure;
  const offset = formatOffset(next.space, next.position);
  ok(error.message.endsWith(`Reading can go on at the offset ${offset}.`), error.message);
  return next.position;
}

Deno.test(
  "a fork's reading goes on at its fork point where its source's damage goes further",
  withStream({}, async (kit) => {
    const { storage } = kit;
    await storage.create("f", { fork: { source: "s", offset: 6_000 } });
    await storage.append("f", { contentType: TEXT, body: encodeUtf8("own") });
    flipBit(`${kit.dir}/${LOG}`, 7_000);
    equal(await nextAfterDamage(kit, 0, "f"), 6_000);
    const { data, space } = await storage.read("f", 6_000, 1 << 30);
    equal(new TextDecoder().decode(data), "own");
    const next = { space: spaceAt(space, 6_000), position: 6_000 };
    equal((await storage.read("f", next, 1 << 30)).start, 6_000);
    equal(await nextAfterDamage(kit, 0), 8_000);
  }),
);

Deno.test(
  "a segment holds whole blocks and the index covers it",
  withStream({}, async (kit) => {
    const log = await Deno.readFile(`${kit.dir}/${LOG}`);
    const index = await Deno.readFile(`${kit.dir}/${INDEX}`);
    equal(new TextDecoder().decode(log), WHOLE.slice(0, 40_000));
    equal(decodeIndexHeader(index), { uuid: kit.catalog.state.uuid, streamId: 1, base: 0 });
    equal(index.length, INDEX_HEADER_BYTES + 10 * INDEX_ENTRY_BYTES);
    let atMs = 0;
    for (let i = 0; i < 10; i++) {
      const entry = decodeIndexEntry(index, INDEX_HEADER_BYTES + i * INDEX_ENTRY_BYTES);
      equal([entry?.filePosition, entry?.end], [i * 4000, (i + 1) * 4000]);
      equal(entry?.checksum, crc32(log.subarray(i * 4000, (i + 1) * 4000)));
      ok((entry?.atMs ?? 0) >= atMs);
      atMs = entry?.atMs ?? 0;
    }
    equal(kit.catalog.segments(1), [{
      ...{ streamId: 1, base: 0, bytes: 40_000, blocks: 10, end: 40_000, generation: 0 },
    }]);
    equal(kit.catalog.byId(1)?.rest, encodeUtf8("!".repeat(100)));
  }),
);

Deno.test(
  "segments roll at their size and follow each other without a gap",
  withStream({ segmentBytes: 10_000 }, async (kit) => {
    equal(kit.catalog.segments(1).map(({ base, bytes }) => [base, bytes]), [
      [0, 12_000],
      [12_000, 12_000],
      [24_000, 12_000],
      [36_000, 4_000],
    ]);
    for (const from of [0, 1, 11_999, 12_000, 12_001, 39_999, 40_000, 40_001]) {
      equal(await read(kit, from), WHOLE.slice(from));
    }
    await append(kit, "s", "more ".repeat(2000));
    await kit.reopen();
    equal(await read(kit, 0), `${WHOLE}${"more ".repeat(2000)}`);
  }),
);

Deno.test(
  "short streams have no files",
  withStream({}, async (kit) => {
    for (let i = 0; i < 20; i++) {
      await kit.storage.create(`t${i}`, { contentType: TEXT, body: encodeUtf8("short") });
    }
    await kit.checkpoint();
    const folders = [...Deno.readDirSync(`${kit.dir}/segments`)].map(({ name }) => name);
    equal(folders, ["01"]);
  }),
);

Deno.test(
  "a flipped bit in a segment is an error that says where",
  withStream({}, async (kit) => {
    for (const position of [0, 3999, 4000, 20_001, 39_999]) {
      flipBit(`${kit.dir}/${LOG}`, position);
      const block = Math.floor(position / 4000) * 4000;
      const where = new RegExp(`${LOG} is damaged at byte ${block}: expected .*CRC-32`);
      await rejectsWith(read(kit, 0), "damaged", where);
      await rejectsWith(read(kit, position), "damaged", where);
      const next = await nextAfterDamage(kit, position);
      equal(next, block + 4000);
      equal(await read(kit, next), WHOLE.slice(next));
      if (block > 0) equal(await read(kit, 0, 4096), MESSAGES[0]);
      equal(await read(kit, 40_000), MESSAGES[10]);
      flipBit(`${kit.dir}/${LOG}`, position);
    }
    equal(await read(kit, 0), WHOLE);
  }),
);

Deno.test(
  "a flipped bit in an index is an error that says where",
  withStream({}, async (kit) => {
    for (const field of [0, 8, 16, 24, 28]) {
      await kit.close();
      const position = INDEX_HEADER_BYTES + 3 * INDEX_ENTRY_BYTES + field;
      flipBit(`${kit.dir}/${INDEX}`, position);
      await kit.open();
      const where = new RegExp(
        `${INDEX} is damaged at byte ${position - field}: expected a valid index entry`,
      );
      await rejectsWith(read(kit, 0), "damaged", where);
      await rejectsWith(read(kit, 12_500), "damaged", where);
      equal(await nextAfterDamage(kit, 0), 40_000);
      equal(await read(kit, 40_000), MESSAGES[10]);
      flipBit(`${kit.dir}/${INDEX}`, position);
    }
    await kit.reopen();
    equal(await read(kit, 0), WHOLE);
  }),
);

for (const file of [LOG, INDEX]) {
  Deno.test(
    `a missing segment file is an error that says which: ${file.slice(-3)}`,
    withStream({}, async (kit) => {
      await Deno.remove(`${kit.dir}/${file}`);
      await rejectsWith(
        read(kit, 0),
        "damaged",
        new RegExp(`${file} is damaged at byte 0.*found none`),
      );
      equal(await nextAfterDamage(kit, 0), 40_000);
      equal(await read(kit, 40_000), MESSAGES[10]);
    }),
  );

  Deno.test(
    `a shortened segment file is damage: ${file.slice(-3)}`,
    withStream({}, async (kit) => {
      await Deno.truncate(`${kit.dir}/${file}`, 200);
      await rejectsWith(read(kit, 20_000), "damaged", new RegExp(`${file} is damaged at byte`));
    }),
  );

  Deno.test(
    `bytes that a kill left behind the row's end are cut off: ${file.slice(-3)}`,
    withStream({}, async (kit) => {
      const opened = await Deno.open(`${kit.dir}/${file}`, { append: true });
      await opened.write(new Uint8Array(10_000).fill(0x2a));
      opened.close();
      equal(await read(kit, 0), WHOLE);
      await append(kit, "s", "z".repeat(5000));
      await kit.reopen();
      equal(await read(kit, 0), `${WHOLE}${"z".repeat(5000)}`);
      equal(await Deno.stat(`${kit.dir}/${LOG}`).then(({ size }) => size), 45_100);
      const entries = kit.catalog.segments(1)[0]?.blocks ?? 0;
      const { size } = await Deno.stat(`${kit.dir}/${INDEX}`);
      equal(size, INDEX_HEADER_BYTES + entries * INDEX_ENTRY_BYTES);
    }),
  );
}

Deno.test(
  "an index of another segment is an error that says which",
  withStream({}, async (kit) => {
    const path = `${kit.dir}/${INDEX}`;
    const bytes = await Deno.readFile(path);
    const header = decodeIndexHeader(bytes.slice(0, INDEX_HEADER_BYTES));
    ok(header !== undefined);
    for (const other of [{ base: 4096 }, { streamId: 9 }, { uuid: crypto.randomUUID() }]) {
      bytes.set(encodeIndexHeader({ ...header, ...other }));
      await Deno.writeFile(path, bytes);
      await kit.reopen();
      await rejectsWith(
        read(kit, 0),
        "damaged",
        /\.idx is damaged at byte 0: expected the header of/,
      );
    }
    bytes[3] = 0;
    await Deno.writeFile(path, bytes);
    await kit.reopen();
    await rejectsWith(read(kit, 0), "damaged", /found no valid header/);
  }),
);

Deno.test("open files stay within their limit", () =>
  withTempDir(async (root) => {
    const disk = new HookedFileSystem();
    const kit = new FileKit(root, { fileSystem: disk, maxOpenFiles: 8, maxLoadedStreams: 4 });
    await kit.open();
    const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
    for (const name of names) {
      await kit.storage.create(name, { contentType: TEXT, body: encodeUtf8("x".repeat(5000)) });
    }
    await kit.checkpoint();
    disk.mostOpenFiles = disk.openFiles;
    for (let round = 0; round < 3; round++) {
      for (const name of names) equal((await kit.storage.read(name, 0, 4096)).data.length, 5000);
    }
    // The log's file is open beside them.
    ok(disk.mostOpenFiles <= 8 + 1 + 2, `${disk.mostOpenFiles} files were open`);
    ok(disk.openFiles <= 8 + 1, `${disk.openFiles} files stay open`);
    await kit.close();
    equal(disk.openFiles, 0);
  }));

Deno.test("files are synced one by one, and by a barrier when the storage closes", () =>
  withTempDir(async (root) => {
    const disk = new HookedFileSystem();
    const kit = new FileKit(root, { fileSystem: disk, smallStreamBytes: 0 });
    await kit.open();
    const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
    const append = async () => {
      for (const name of names) {
        await kit.storage.append(name, { contentType: TEXT, body: encodeUtf8("x".repeat(5000)) });
      }
    };
    for (const name of names) await kit.storage.create(name, { contentType: TEXT });
    await append();
    let barriers = 0;
    let syncing = 0;
    let mostSyncing = 0;
    disk.before = ({ call, path }) => {
      if (call === "barrier") barriers++;
      if (!path.includes("/segments/") || call !== "sync") return;
      mostSyncing = Math.max(mostSyncing, ++syncing);
      return new Promise((resolve) => setImmediate(() => resolve(void syncing--)));
    };
    await kit.checkpoint();
    equal([barriers, mostSyncing], [0, 1]);
    await append();
    await kit.close();
    equal(barriers, 1);
  }));

Deno.test("a file in use isn't closed, however many others are wanted", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { maxOpenFiles: 2, maxLoadedStreams: 2 });
    await kit.open();
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
    for (const name of names) {
      await kit.storage.create(name, { contentType: TEXT, body: encodeUtf8(name.repeat(5000)) });
    }
    await kit.checkpoint();
    const reads = await Promise.all(names.map((name) => kit.storage.read(name, 0, 1 << 20)));
    names.forEach((name, i) => equal(new TextDecoder().decode(reads[i]?.data), name.repeat(5000)));
    await kit.close();
  }));

Deno.test("a stream deleted while it is read is not found and never wrong", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { maxOpenFiles: 2 });
    await kit.open();
    const body = "x".repeat(200_000);
    for (let i = 0; i < 5; i++) {
      await kit.storage.create("s", { contentType: TEXT, body: encodeUtf8(body) });
      await kit.checkpoint();
      const reads = Promise.allSettled([0, 1, 2].map(() => read(kit, 0)));
      await kit.storage.delete("s");
      await kit.checkpoint();
      for (const outcome of await reads) {
        if (outcome.status === "fulfilled") equal(outcome.value, body);
        else await rejectsWith(Promise.reject(outcome.reason), "not_found");
      }
    }
    await kit.close();
  }));

Deno.test("the log stays within its limit under a steady load", () =>
  withTempDir(async (root) => {
    const walBytes = 512 * 1024;
    const kit = new FileKit(root, { walBytes, maxQueuedBytes: 1 << 30 });
    await kit.open();
    const folder = `${kit.dir}/wal`;
    let largest = 0;
    const measure = () => {
      let total = 0;
      for (const { name } of Deno.readDirSync(folder)) {
        total += Deno.statSync(`${folder}/${name}`).size;
      }
      largest = Math.max(largest, total);
    };
    const body = new Uint8Array(3000).fill(0x61);
    const load = async (name: string) => {
      await kit.storage.create(name, { contentType: TEXT });
      for (let i = 0; i < 250; i++) {
        await kit.storage.append(name, { contentType: TEXT, body });
        measure();
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => load(`s${i}`)));
    const batch = walBytes / 8 + 4096;
    ok(largest <= walBytes + batch, `wal/ grew to ${largest} bytes, the limit is ${walBytes}`);
    for (let i = 0; i < 8; i++) equal((await kit.storage.head(`s${i}`)).tail, 750_000);
    await kit.crash();
    for (let i = 0; i < 8; i++) equal((await kit.storage.head(`s${i}`)).tail, 750_000);
    await kit.close();
  }));
