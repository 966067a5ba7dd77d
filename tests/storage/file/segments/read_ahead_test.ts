import { deepStrictEqual as equal, ok } from "node:assert";
import { Buffer } from "node:buffer";
import { FileSystemError } from "../../../../src/env/file_system.ts";
import type { Bytes } from "../../../../src/protocol/bytes.ts";
import { intoJsonArray } from "../../../../src/protocol/json.ts";
import { PrefetchedRange } from "../../../../src/storage/file/segments/prefetched_range.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { flipBit } from "../../../support/wal_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const BYTES = "application/octet-stream";
const JSON_TYPE = "application/json";
const BLOCK = 4096;
/** A piece has the blocks that begin in one part of a stream of this length. */
const PIECE = 16 * BLOCK;
const BLOCKS = 64;
const LOG = "segments/01/0000000000000001-00000000000000000000.log";

interface Reads {
  readonly kit: FileKit;
  /** How often a segment's bytes were read since this was called last. */
  count(): number;
  fail(error: () => Error | undefined): void;
}

function withStream(
  run: (reads: Reads) => Promise<void>,
  { contentType = BYTES, lengths = Array<number>(BLOCKS).fill(BLOCK) } = {},
): () => Promise<void> {
  return () =>
    withTempDir(async (root) => {
      const fileSystem = new HookedFileSystem();
      const kit = new FileKit(root, { fileSystem });
      await kit.open();
      try {
        await kit.storage.create("s", { contentType });
        for (const [number, length] of lengths.entries()) {
          await kit.storage.append("s", {
            contentType,
            body: message(contentType, number, length),
          });
        }
        await kit.reopen();
        let count = 0;
        let failure: () => Error | undefined = () => undefined;
        fileSystem.before = ({ call, path }) => {
          if (call !== "read" || !path.endsWith(".log")) return;
          count++;
          const error = failure();
          if (error !== undefined) throw error;
        };
        await run({
          kit,
          count() {
            const counted = count;
            count = 0;
            return counted;
          },
          fail: (error) => failure = error,
        });
      } finally {
        await kit.close();
      }
    });
}

/** So long as it is stored: JSON with a separator of two bytes after it. */
function message(contentType: string, number: number, length: number): Bytes {
  const letter = 97 + number % 26;
  if (contentType === BYTES) return new Uint8Array(length).fill(letter);
  return new TextEncoder().encode(JSON.stringify(String.fromCharCode(letter).repeat(length - 4)));
}

async function read(kit: FileKit, from: number, limitBytes: number): Promise<Bytes> {
  return (await kit.storage.read("s", from, limitBytes)).data;
}

async function readOn(kit: FileKit, limitBytes: number): Promise<Bytes[]> {
  const chunks: Bytes[] = [];
  for (let at = 0; at < BLOCKS * BLOCK;) {
    const chunk = await read(kit, at, limitBytes);
    ok(chunk.length > 0 && chunk.length <= limitBytes);
    chunks.push(chunk);
    at += chunk.length;
  }
  return chunks;
}

Deno.test("a chunk of a prefetched range ends as one found by the index does", () => {
  const range = new PrefetchedRange(1000, new Uint8Array(600), [1100, 1400, 1600]);
  for (
    const [from, limitBytes, to, next, isCut] of [
      [1000, 50, 9000, 1100, true],
      [1000, 100, 9000, 1100, true],
      [1000, 399, 9000, 1100, true],
      [1000, 400, 9000, 1400, true],
      [1050, 50, 9000, 1100, true],
      [1099, 1, 9000, 1100, true],
      [1100, 10, 9000, 1400, true],
      [1399, 200, 9000, 1400, true],
      [1400, 199, 9000, 1600, false],
      [1400, 200, 9000, 1600, false],
      [1000, 5000, 9000, 1600, false],
      [1000, 50, 1070, 1070, false],
      [1000, 500, 1200, 1200, false],
    ] as const
  ) {
    const chunk = range.chunk(from, limitBytes, to, false);
    equal(
      [chunk?.next, chunk?.data.length, chunk?.isCut],
      [next, next - from, isCut],
      `from ${from}, ${limitBytes} bytes, up to ${to}`,
    );
  }
});

Deno.test("a prefetched range of JSON has a chunk from a message's boundary only", () => {
  const stored = new TextEncoder().encode('"a,b",\n1,\n"\\n,",\n');
  const range = new PrefetchedRange(100, stored, [110, 100 + stored.length]);
  const boundaries = [100, 107, 110];
  for (let from = 100; from < range.end; from++) {
    const chunk = range.chunk(from, 1, range.end, true);
    equal(chunk !== undefined, boundaries.includes(from), `from ${from}`);
  }
});

for (const contentType of [BYTES, JSON_TYPE]) {
  Deno.test(
    `a client that reads on in short chunks has them read ahead once: ${contentType}`,
    withStream(async ({ kit, count }) => {
      const whole = await read(kit, 0, 1 << 30);
      count();
      for (const limitBytes of [BLOCK, 3 * BLOCK]) {
        ok(Buffer.compare(Buffer.concat(await readOn(kit, limitBytes)), whole) === 0);
      }
      equal(count(), BLOCKS * BLOCK / PIECE);
      await readOn(kit, BLOCK);
      equal(count(), 0, "and who comes later finds it");
    }, { contentType }),
  );
}

Deno.test(
  "long chunks take no notice of prefetched ranges",
  withStream(async ({ kit, count }) => {
    await readOn(kit, BLOCK);
    count();
    const limitBytes = 40 * BLOCK;
    equal((await read(kit, 0, limitBytes)).length, limitBytes);
    equal(count(), 1);
  }),
);

Deno.test(
  "cold bytes are read ahead too",
  withStream(async ({ kit, count }) => {
    await readOn(kit, BLOCK);
    equal(count(), BLOCKS * BLOCK / PIECE);
  }),
);

Deno.test(
  "a read that leaves nothing reads nothing ahead",
  withStream(async ({ kit, count }) => {
    for (const from of [(BLOCKS - 1) * BLOCK, (BLOCKS - 2) * BLOCK]) {
      await read(kit, from, 2 * BLOCK);
      equal(count(), 1, `from ${from}`);
    }
    await read(kit, (BLOCKS - 1) * BLOCK, BLOCK);
    equal(count(), 1, "nothing was kept");
  }),
);

for (const contentType of [BYTES, JSON_TYPE]) {
  Deno.test(
    `a caller may write over the chunk that it gets: ${contentType}`,
    withStream(async ({ kit }) => {
      const whole = await read(kit, 0, 1 << 30);
      for (let pass = 0; pass < 2; pass++) {
        const chunks = await readOn(kit, BLOCK);
        ok(Buffer.compare(Buffer.concat(chunks), whole) === 0, `pass ${pass}`);
        for (const chunk of chunks) {
          if (contentType === JSON_TYPE) intoJsonArray(chunk).fill(0);
          chunk.fill(0);
        }
      }
    }, { contentType }),
  );
}

Deno.test(
  "JSON becomes an array in the chunk and not in the prefetched range",
  withStream(async ({ kit }) => {
    for (let pass = 0; pass < 3; pass++) {
      for (const [number, chunk] of (await readOn(kit, BLOCK)).entries()) {
        const array: unknown = JSON.parse(new TextDecoder().decode(intoJsonArray(chunk)));
        equal(array, [String.fromCharCode(97 + number % 26).repeat(BLOCK - 4)]);
      }
    }
  }, { contentType: JSON_TYPE }),
);

Deno.test(
  "an offset inside a message is refused in a prefetched range as well",
  withStream(async ({ kit }) => {
    await readOn(kit, BLOCK);
    await rejectsWith(read(kit, 3 * BLOCK + 1, BLOCK), "invalid_offset");
    equal((await read(kit, 3 * BLOCK, BLOCK)).length, BLOCK);
  }, { contentType: JSON_TYPE }),
);

Deno.test(
  "damage further on is reported only to a read that comes to it",
  withStream(async ({ kit }) => {
    flipBit(`${kit.dir}/${LOG}`, 5 * BLOCK + 7);
    for (let block = 0; block < 5; block++) {
      equal((await read(kit, block * BLOCK, BLOCK)).length, BLOCK, `block ${block}`);
    }
    await rejectsWith(read(kit, 5 * BLOCK, BLOCK), "damaged");
    equal((await read(kit, 6 * BLOCK, BLOCK)).length, BLOCK);
  }),
);

Deno.test(
  "bytes that can't be read ahead are read by themselves",
  withStream(async ({ kit, count, fail }) => {
    for (const isWarm of [false, true]) {
      let calls = 0;
      const error = new FileSystemError("other", "read", LOG, "input/output error");
      fail(() => calls++ === 0 ? error : undefined);
      equal((await read(kit, 0, BLOCK)).length, BLOCK, isWarm ? "warm" : "cold");
      equal(count(), 2);
    }
  }),
);

Deno.test(
  "a prefetched range of a segment that grew goes on with the new bytes",
  withStream(async ({ kit }) => {
    const appended = 40 * BLOCK;
    const before = await readOn(kit, BLOCK);
    const body = new Uint8Array(appended).fill(0x21);
    for (let at = 0; at < appended; at += BLOCK) {
      await kit.storage.append("s", { contentType: BYTES, body: body.subarray(at, at + BLOCK) });
    }
    await kit.checkpoint();
    const after: Bytes[] = [];
    for (let at = 0; at < BLOCKS * BLOCK + appended; at += BLOCK) {
      after.push(await read(kit, at, BLOCK));
    }
    ok(Buffer.compare(Buffer.concat(after), Buffer.concat([...before, body])) === 0);
  }, { lengths: Array<number>(BLOCKS).fill(BLOCK) }),
);

Deno.test(
  "prefetched ranges are bounded in number",
  withStream(async ({ kit, count }) => {
    const pieces = 70;
    await read(kit, 0, 1 << 30);
    const readAll = async () => {
      for (let piece = 0; piece < pieces; piece++) await read(kit, piece * PIECE, BLOCK);
      return count();
    };
    count();
    equal(await readAll(), pieces);
    equal(await readAll(), pieces, "each was gone before its turn came");
    await read(kit, (pieces - 1) * PIECE, BLOCK);
    equal(count(), 0, "the newest is there");
  }, { lengths: Array<number>(71 * 16).fill(BLOCK) }),
);

Deno.test(
  "a prefetched range that replaced another stays for its own time",
  withStream(async ({ kit, count }) => {
    await read(kit, 0, 1 << 30);
    await read(kit, 5 * BLOCK, BLOCK);
    await read(kit, 0, BLOCK);
    for (let piece = 1; piece < 64; piece++) await read(kit, piece * PIECE, BLOCK);
    count();
    await read(kit, 0, BLOCK);
    equal(count(), 0);
  }, { lengths: Array<number>(65 * 16).fill(BLOCK) }),
);

Deno.test(
  "a prefetched range with a long message isn't kept",
  withStream(async ({ kit, count }) => {
    await read(kit, 0, 1 << 30);
    count();
    for (let pass = 0; pass < 2; pass++) {
      equal((await read(kit, 0, BLOCK)).length, BLOCK);
      equal((await read(kit, BLOCK, BLOCK)).length, 3 * PIECE);
      equal(count(), 2);
    }
  }, { lengths: [BLOCK, 3 * PIECE, BLOCK, BLOCK] }),
);

Deno.test("a short chunk stays short where its segment grows while it is read", async () => {
  await withTempDir(async (root) => {
    const fileSystem = new HookedFileSystem();
    const kit = new FileKit(root, { fileSystem });
    await kit.open();
    try {
      await kit.storage.create("s", { contentType: BYTES });
      for (let i = 0; i < 8; i++) {
        await kit.storage.append("s", { contentType: BYTES, body: message(BYTES, i, BLOCK) });
      }
      await kit.reopen();
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      fileSystem.before = async ({ call, path }) => {
        if (call !== "read" || !path.endsWith(".log")) return;
        fileSystem.before = () => {};
        reached.resolve();
        await released.promise;
      };
      const chunk = read(kit, 0, 2 * BLOCK);
      await reached.promise;
      for (let i = 0; i < 8; i++) {
        await kit.storage.append("s", { contentType: BYTES, body: message(BYTES, i, BLOCK) });
      }
      await kit.checkpoint();
      released.resolve();
      equal((await chunk).length, 2 * BLOCK);
    } finally {
      await kit.close();
    }
  });
});
