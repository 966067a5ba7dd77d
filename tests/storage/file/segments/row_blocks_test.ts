import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import { newStream, type Stream } from "../../../../src/storage/stream.ts";
import { readBuffered } from "../../../../src/storage/buffered_chunk.ts";
import type { BlockRow } from "../../../../src/storage/file/catalog/catalog.ts";
import { MOVED, RowBlockReader } from "../../../../src/storage/file/segments/row_block_reader.ts";
import { RowBlocks } from "../../../../src/storage/file/segments/row_blocks.ts";
import { streamFromRecord } from "../../../../src/storage/file/streams/file_stream.ts";
import type { CreateRecord } from "../../../../src/storage/records.ts";
import { encodeUtf8, NO_BYTES } from "../../../../src/protocol/bytes.ts";

const messages = fc.array(fc.nat({ max: 5000 }), { minLength: 1, maxLength: 20 });

function recordOf(json: boolean): CreateRecord {
  return {
    kind: "create",
    id: 1,
    atMs: 0,
    name: "a",
    contentType: json ? "application/json" : "text/plain",
    lifetime: { kind: "forever" },
    fork: undefined,
    closed: false,
    earliest: undefined,
    policies: undefined,
    data: NO_BYTES,
  };
}

/** A stream with all in its buffer, and what it would have in rows. */
function made(json: boolean, lengths: readonly number[]) {
  const stream: Stream = newStream(recordOf(json));
  lengths.forEach((length, i) => {
    const text = `${i}`.padEnd(length, "x");
    const bytes = encodeUtf8(json ? `${JSON.stringify(text)},\n` : `${text}.`);
    stream.buffer.append(bytes, [bytes.length], 10 * i);
  });
  const { blocks, start } = stream.buffer;
  let base = start;
  const rows: BlockRow[] = blocks.map((block) => {
    const row = { streamId: 1, base, ...block, body: stream.buffer.slice(base, block.end) };
    base = block.end;
    return row;
  });
  return { stream, rows, rowBlocks: new RowBlocks(start, 0, [...blocks]) };
}

Deno.test("what is known of blocks in rows is what was known of them in memory", () => {
  fc.assert(fc.property(messages, fc.nat(), fc.nat({ max: 25 }), (lengths, at, message) => {
    const { stream: { buffer }, rowBlocks } = made(false, lengths);
    if (rowBlocks.blocks.length === 0) return;
    const offset = at % rowBlocks.end;
    equal(rowBlocks.countedBlockAt(offset), buffer.countedBlockAt(offset));
    equal(rowBlocks.blockStart(offset), buffer.blockStart(offset));
    const { messages: through = 0 } = rowBlocks.blocks.at(-1) ?? {};
    equal(
      rowBlocks.countedBlockOf(message % through),
      buffer.countedBlockOf(message % through),
    );
    const sinceMs = message * 10;
    const since = buffer.blockSince(sinceMs) ?? rowBlocks.end;
    equal(rowBlocks.blockSince(sinceMs) ?? rowBlocks.end, Math.min(since, rowBlocks.end));
    const left = rowBlocks.after(offset);
    buffer.dropBefore(buffer.blockStart(offset));
    equal(left?.start, buffer.start);
    equal(left?.startMessages, buffer.startMessages);
  }));
});

Deno.test("a chunk of rows is the one that memory would have given", () => {
  fc.assert(
    fc.property(messages, fc.boolean(), fc.nat(), fc.nat({ max: 20_000 }), fc.nat(), (
      lengths,
      json,
      at,
      limit,
      upTo,
    ) => {
      const { stream, rows, rowBlocks } = made(json, lengths);
      if (rows.length === 0) return;
      const reader = new RowBlockReader({ blocks: () => rows });
      const from = at % rowBlocks.end;
      const to = from + 1 + upTo % (rowBlocks.end - from);
      const found = reader.readChunk(streamFromRecord(recordOf(json)), rowBlocks, from, limit, to);
      const expected = readBuffered(stream, from, limit, to);
      if (expected === undefined || found === undefined || found === MOVED) {
        return equal(found, expected);
      }
      equal(new Uint8Array(found.data as Uint8Array), new Uint8Array(expected.data as Uint8Array));
      equal([found.next, found.isCut], [expected.next, expected.isCut]);
    }),
  );
});

Deno.test("rows that are gone are told from damaged ones", () => {
  const { rows, rowBlocks } = made(false, [3000, 3000, 3000, 3000]);
  const stream = streamFromRecord(recordOf(false));
  const read = (left: BlockRow[], from: number) =>
    new RowBlockReader({ blocks: () => left }).readChunk(stream, rowBlocks, from, 1, rowBlocks.end);
  equal(read([], 0), MOVED);
  equal(read(rows.slice(1), 0), MOVED);
  const { base = 0 } = rows[1] ?? {};
  const chunk = read(rows.slice(1), base);
  equal(typeof chunk === "object" && chunk.next, rows[1]?.end);
});
