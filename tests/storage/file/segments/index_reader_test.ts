import { deepStrictEqual as equal, ok } from "node:assert";
import type { File } from "../../../../src/env/file_system.ts";
import { nodeFileSystem } from "../../../../src/env/node_file_system.ts";
import { BoundedCache } from "../../../../src/storage/bounded_cache.ts";
import {
  encodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  putIndexEntry,
} from "../../../../src/storage/file/segments/index_format.ts";
import { PAGE_ENTRIES } from "../../../../src/storage/file/segments/index_page.ts";
import {
  type IndexPages,
  IndexReader,
} from "../../../../src/storage/file/segments/index_reader.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const HEADER = { uuid: "0f8fad5b-d9cb-469f-a165-70867728950e", streamId: 7, base: 0 };
const BLOCK_BYTES = 10;

/** An index of so many blocks, all of the same length. */
function indexOf(blocks: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(INDEX_HEADER_BYTES + blocks * INDEX_ENTRY_BYTES);
  bytes.set(encodeIndexHeader(HEADER));
  for (let block = 0; block < blocks; block++) {
    const filePosition = block * BLOCK_BYTES;
    const entry = {
      end: filePosition + BLOCK_BYTES,
      filePosition,
      atMs: block,
      messages: block + 1,
      checksum: 0,
    };
    putIndexEntry(bytes, INDEX_HEADER_BYTES + block * INDEX_ENTRY_BYTES, entry);
  }
  return bytes;
}

async function withIndex(blocks: number, test: (file: File) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const file = nodeFileSystem.open(`${dir}/index`, "create");
    try {
      file.writeSync(indexOf(blocks), 0);
      await test(file);
    } finally {
      file.close();
    }
  });
}

/** A look-up that fails rather than go on for ever. */
function atMost<T>(times: number, lookUp: () => T): () => T {
  let left = times;
  return () => {
    ok(left-- > 0, `more than ${times} look-ups`);
    return lookUp();
  };
}

Deno.test("a run over more pages than are kept is found", async () => {
  const blocks = 3 * PAGE_ENTRIES;
  await withIndex(blocks, async (file) => {
    const pages: IndexPages = new BoundedCache(1);
    const reader = new IndexReader(file, HEADER, pages);
    const run = await reader.load(
      atMost(20, () => reader.run(0, Infinity, blocks * BLOCK_BYTES, blocks)),
    );
    equal([run.first, run.last, run.end], [0, blocks - 1, blocks * BLOCK_BYTES]);
    equal(pages.size, 1);
  });
});

Deno.test("look-ups that put each other's pages out of memory come to an end", async () => {
  const blocks = 3 * PAGE_ENTRIES;
  await withIndex(blocks, async (file) => {
    const pages: IndexPages = new BoundedCache(1);
    const readers = Array.from({ length: 5 }, () => new IndexReader(file, HEADER, pages));
    const ends = readers.map(async (reader) => {
      const run = await reader.load(
        atMost(20, () => reader.run(0, Infinity, blocks * BLOCK_BYTES, blocks)),
      );
      return run.end;
    });
    equal(await Promise.all(ends), readers.map(() => blocks * BLOCK_BYTES));
  });
});

Deno.test("a look-up goes on in a segment that grows while it waits", async () => {
  await withIndex(100, async (file) => {
    const reader = new IndexReader(file, HEADER, new BoundedCache(10));
    let blocks = 50;
    const lookUp = atMost(20, () => {
      const found = reader.run(0, Infinity, blocks * BLOCK_BYTES, blocks);
      blocks = 100;
      return found;
    });
    const run = await reader.load(lookUp);
    equal(run.last, 99);
  });
});
