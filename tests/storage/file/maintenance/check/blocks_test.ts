import { deepStrictEqual as equal, ok } from "node:assert";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { encodeUtf8 } from "../../../../../src/protocol/bytes.ts";
import type { BlockRow } from "../../../../../src/storage/file/catalog/catalog.ts";
import { checkDirectory } from "../../../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../../../src/storage/file/maintenance/check/finding.ts";
import { inspectFile } from "../../../../../src/storage/file/maintenance/inspect/inspect.ts";
import { itemLine } from "../../../../../src/storage/file/maintenance/inspect/item.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";
import { blocksOf, changeCatalog, makeSmallStreams, putBlock } from "../small_streams.ts";

const JSON_ID = 1;
const TEXT_ID = 2;

function findingsOf(dir: string): string[] {
  const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir });
  return found.filter(isFinding).map(({ kind, message, expected, found, range }) =>
    `${kind}: ${message}: ${expected}, ${found}` + (range ? `; ${range.from}–${range.to}` : "")
  );
}

Deno.test("streams with blocks in the catalogue are whole", () =>
  withTempDir(async (root) => {
    const { dir } = await makeSmallStreams(root);
    equal(findingsOf(dir), []);
    for (const id of [JSON_ID, TEXT_ID]) ok(blocksOf(dir, id).length >= 3);
    equal([...Deno.readDirSync(`${dir}/segments`)], []);
  }));

Deno.test("inspect shows the blocks of streams", () =>
  withTempDir(async (root) => {
    const { dir } = await makeSmallStreams(root);
    changeCatalog(dir, `UPDATE block SET messages = 99 WHERE stream_id = ${TEXT_ID} AND base = 0`);
    const lines = [...inspectFile(nodeFileSystem, `${dir}/catalog.sqlite`)].map(itemLine);
    const blocks = lines.filter((line) => / block /.test(line));
    const [first] = blocks;
    ok(
      / block stream_id=1 base=0 end=\d+ at_ms=2026-01-01T00:00:00.000Z messages=\d+ body="\d+ bytes: /
        .test(first ?? ""),
      first,
    );
    equal(blocks.filter((line) => line.includes("DAMAGED")).length, 1);
    equal(blocks.length, blocksOf(dir, JSON_ID).length * 2);
  }));

Deno.test("any change of a block's row is found", () =>
  withTempDir(async (root) => {
    const { dir } = await makeSmallStreams(root);
    const [, second] = blocksOf(dir, TEXT_ID);
    const base = second?.base ?? 0;
    for (
      const change of [
        "at_ms = at_ms + 1",
        '"end" = "end" + 1',
        "messages = messages - 1",
        "body = CAST(replace(CAST(body AS TEXT), 'line', 'lime') AS BLOB)",
        "messages = 9223372036854775807",
        "crc32 = 1",
      ]
    ) {
      const where = `WHERE stream_id = ${TEXT_ID} AND base = ${base}`;
      changeCatalog(dir, `CREATE TABLE was AS SELECT * FROM block ${where}`);
      changeCatalog(dir, `UPDATE block SET ${change} ${where}`);
      const [found] = findingsOf(dir).filter((text) => text.startsWith("block_row"));
      ok(
        found?.includes(`the row of the block at ${base} fails its checksum`),
        `${change}: ${found}`,
      );
      changeCatalog(dir, `DELETE FROM block ${where}; INSERT INTO block SELECT * FROM was`);
      changeCatalog(dir, "DROP TABLE was");
    }
    equal(findingsOf(dir), []);
  }));

Deno.test("blocks that are missing, and those of no stream, are found", () =>
  withTempDir(async (root) => {
    const { dir } = await makeSmallStreams(root);
    const blocks = blocksOf(dir, JSON_ID);
    const { base = 0, end = 0 } = blocks[1] ?? {};
    changeCatalog(dir, `DELETE FROM block WHERE stream_id = ${JSON_ID} AND base = ${base}`);
    changeCatalog(dir, `UPDATE block SET stream_id = 77 WHERE stream_id = ${TEXT_ID} AND base = 0`);
    const found = findingsOf(dir);
    equal(found.filter((text) => text.startsWith("block_row")).length, 3);
    ok(found.some((text) => text.includes("a row of block of a stream without a row")), `${found}`);
    const missing = "a row of block is missing: bytes that go on at offset";
    ok(
      found.some((text) =>
        text.includes(`${missing} ${base}, some that go on at ${end}; ${base}–${end}`)
      ),
    );
    const newest = blocks.at(-1);
    changeCatalog(dir, `DELETE FROM block WHERE base = ${newest?.base}`);
    ok(findingsOf(dir).some((text) => text.endsWith(`; ${base}–${newest?.end}`)));
  }));

for (
  const [what, streamId, change, expected] of [
    ["shorter than its offsets say", TEXT_ID, (block: BlockRow) => ({
      ...block,
      body: block.body.slice(1),
    }), /isn't as long as its offsets say/],
    [
      "of a time before the one before",
      TEXT_ID,
      (block: BlockRow) => ({ ...block, atMs: 5 }),
      /is of a time before that of the block before it: a time from \d+ on, 5/,
    ],
    ["not whole messages", JSON_ID, (block: BlockRow) => ({
      ...block,
      body: new Uint8Array([...block.body.slice(0, -1), 0x20]),
    }), /doesn't end with a message: a comma and a line feed, the bytes 44 and 32/],
    [
      "of another count",
      JSON_ID,
      (block: BlockRow) => ({ ...block, messages: block.messages + 1 }),
      /doesn't count its messages: \d+ messages up to its end/,
    ],
    [
      "of fewer messages than before",
      TEXT_ID,
      (block: BlockRow) => ({ ...block, messages: 0 }),
      /doesn't count its messages: \d+ messages or more, 0/,
    ],
  ] as const
) {
  Deno.test(`a block that was stored so is found: ${what}`, () =>
    withTempDir(async (root) => {
      const { dir } = await makeSmallStreams(root);
      const second = blocksOf(dir, streamId)[1];
      if (second === undefined) throw new Error("There are several blocks.");
      putBlock(dir, change(second));
      const found = findingsOf(dir);
      ok(found.some((text) => text.startsWith("block_row") && expected.test(text)), `${found}`);
    }));
}

Deno.test("an empty block, and one of the bytes of another, are found", () =>
  withTempDir(async (root) => {
    const { dir } = await makeSmallStreams(root);
    const last = blocksOf(dir, TEXT_ID).at(-1);
    if (last === undefined) throw new Error("There are several blocks.");
    putBlock(dir, { ...last, base: last.end, body: encodeUtf8("") });
    ok(findingsOf(dir).some((text) => text.includes("0 bytes, and one at least, 0")));
    putBlock(dir, { ...last, base: last.end, end: last.end + 4, body: encodeUtf8("more") });
    const found = findingsOf(dir);
    ok(found.some((text) => text.includes("rows of block hold more than the row")), `${found}`);
  }));
