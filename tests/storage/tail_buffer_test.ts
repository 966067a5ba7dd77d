import { deepStrictEqual as equal, ok, throws } from "node:assert";
import fc from "fast-check";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { BLOCK_BYTES } from "../../src/storage/block_rule.ts";
import { TailBuffer } from "../../src/storage/tail_buffer.ts";

/** Bytes that tell where they are. */
function pattern(from: number, length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => ((from + i) * 31 + ((from + i) >> 8)) & 0xff);
}

/** Appends one message of each length, as one append each. */
function fill(buffer: TailBuffer, lengths: readonly number[]): TailBuffer {
  for (const [i, length] of lengths.entries()) {
    buffer.append(pattern(buffer.end, length), [length], i);
  }
  return buffer;
}

function ends(buffer: TailBuffer): number[] {
  return buffer.blocks.map(({ end }) => end);
}

Deno.test("an empty buffer stands where it starts", () => {
  const buffer = new TailBuffer(1000);
  equal([buffer.start, buffer.end, buffer.openBlockStart], [1000, 1000, 1000]);
  equal([buffer.blocks.length, buffer.slice(1000, 1000).length, buffer.capacityBytes], [0, 0, 0]);
});

Deno.test("a block ends once it has 4 KiB", () => {
  equal(ends(fill(new TailBuffer(0), [4095])), []);
  equal(ends(fill(new TailBuffer(0), [4095, 1])), [4096]);
  equal(ends(fill(new TailBuffer(0), [4096])), [4096]);
  equal(ends(fill(new TailBuffer(0), [4096, 4096])), [4096, 8192]);
});

Deno.test("a block ends before a message that would make it longer", () => {
  equal(ends(fill(new TailBuffer(0), [4095, 2])), [4095]);
  equal(ends(fill(new TailBuffer(0), [10, 5000, 10])), [10, 5010]);
  equal(fill(new TailBuffer(0), [10, 5000, 10]).openBlockStart, 5010);
});

Deno.test("a long message is a block of its own", () => {
  equal(ends(fill(new TailBuffer(0), [100_000, 1])), [100_000]);
  equal(ends(fill(new TailBuffer(0), [1, 100_000])), [1, 100_001]);
});

Deno.test("block ends are those of messages, also within one append", () => {
  const buffer = new TailBuffer(0);
  buffer.append(pattern(0, 10_000), [3000, 4000, 9000, 10_000], 5);
  equal(ends(buffer), [4000, 9000]);
});

Deno.test("times never run backwards", () => {
  const buffer = new TailBuffer(0, 50);
  for (const atMs of [60, 40, 70]) buffer.append(pattern(buffer.end, 4096), [4096], atMs);
  equal(buffer.blocks.map(({ atMs }) => atMs), [60, 60, 70]);
  equal(buffer.lastAtMs, 70);
});

Deno.test("a block carries the time of its last message", () => {
  const buffer = new TailBuffer(0);
  buffer.append(pattern(0, 100), [100], 1);
  buffer.append(pattern(100, 3000), [3000], 2);
  buffer.append(pattern(3100, 3000), [3000], 3);
  equal(buffer.blocks, [{ end: 3100, atMs: 2, messages: 2 }]);
});

Deno.test("a chunk ends at the last block within its limit", () => {
  const buffer = fill(new TailBuffer(0), [4096, 4096, 4096, 100]);
  equal(buffer.chunkEnd(0, 9000, 12_388), 8192);
  equal(buffer.chunkEnd(0, 8192, 12_388), 8192);
  equal(buffer.chunkEnd(0, 8191, 12_388), 4096);
  equal(buffer.chunkEnd(4096, 4096, 12_388), 8192);
});

Deno.test("a chunk takes a longer block whole", () => {
  const buffer = fill(new TailBuffer(0), [10_000, 100]);
  equal(buffer.chunkEnd(0, 4096, 10_100), 10_000);
});

Deno.test("a chunk ends at the limit of what may be read", () => {
  const buffer = fill(new TailBuffer(0), [4096, 4096, 100]);
  equal(buffer.chunkEnd(0, 100_000, 8292), 8292);
  equal(buffer.chunkEnd(0, 4096, 4000), 4000);
  equal(buffer.chunkEnd(8192, 50, 8292), 8292);
});

Deno.test("a chunk from inside a block goes to its end", () => {
  const buffer = fill(new TailBuffer(0), [4096, 4096, 100]);
  equal(buffer.chunkEnd(1, 4096, 8292), 4096);
  equal(buffer.chunkEnd(4095, 1, 8292), 4096);
});

Deno.test("dropBefore lets go of whole blocks", () => {
  const buffer = fill(new TailBuffer(0), [4096, 4096, 100]);
  buffer.dropBefore(4096);
  equal([buffer.start, buffer.end, ends(buffer)], [4096, 8292, [8192]]);
  equal(buffer.slice(4096, 8292), pattern(4096, 4196));
  buffer.dropBefore(4096);
  buffer.dropBefore(0);
  equal(buffer.start, 4096);
  buffer.dropBefore(8192);
  equal([buffer.start, ends(buffer), buffer.openBlockStart], [8192, [], 8192]);
  equal(buffer.slice(8192, 8292), pattern(8192, 100));
});

Deno.test("dropBefore gives memory back", () => {
  const buffer = fill(new TailBuffer(0), Array(600).fill(4096));
  const before = buffer.capacityBytes;
  buffer.dropBefore(600 * 4096);
  fill(buffer, [10]);
  buffer.dropBefore(600 * 4096);
  ok(before >= 600 * 4096);
  ok(buffer.capacityBytes <= 1024 * 1024, `${buffer.capacityBytes} bytes are held for 10`);
});

Deno.test("a small stream takes little memory", () => {
  equal(fill(new TailBuffer(0), [10]).capacityBytes, 128);
  const emptied = fill(new TailBuffer(0), [60_000]);
  emptied.dropBefore(60_000);
  ok(emptied.capacityBytes <= 128, `${emptied.capacityBytes} bytes are held for nothing`);
});

Deno.test("an extent that one stream leaves serves the next and shows nothing of it", () => {
  const MIB = 1024 * 1024;
  const first = fill(new TailBuffer(0), Array(2 * MIB / 4096).fill(4096));
  const [extent] = first.parts(MIB, 2 * MIB);
  const copy = first.slice(0, 4096);
  first.dropBefore(2 * MIB);
  const second = fill(new TailBuffer(0), Array(20).fill(4097));
  const [reused] = second.parts(0, second.end);
  ok(reused?.bytes.buffer === extent?.bytes.buffer, "the extent is used again");
  equal(second.slice(0, second.end), pattern(0, 20 * 4097));
  equal(copy, pattern(0, 4096));
});

Deno.test("parts are the bytes in order without gaps", () => {
  const buffer = fill(new TailBuffer(500), [1_000_000, 1_000_000, 500_000]);
  const parts = [...buffer.parts(600, 2_400_000)];
  ok(parts.length > 1);
  let at = 600;
  for (const { start, bytes } of parts) {
    equal(start, at);
    at += bytes.length;
  }
  equal(at, 2_400_000);
  equal(buffer.slice(999_990, 1_048_700), pattern(999_990, 48_710));
  equal([...buffer.parts(700, 700)], []);
});

Deno.test("a slice outside of what is held is a defect", () => {
  const buffer = fill(new TailBuffer(0), [4096, 10]);
  buffer.dropBefore(4096);
  throws(() => buffer.slice(4095, 4100), /Invariant/);
  throws(() => buffer.slice(4096, 4107), /Invariant/);
});

Deno.test("a resumed block goes on where it was", () => {
  const whole = fill(new TailBuffer(0), [1000, 1000, 1000, 1000, 1000]);
  const resumed = new TailBuffer(0, 2);
  resumed.resume(pattern(0, 3000), 3);
  fill(resumed, [1000, 1000]);
  equal(ends(resumed), ends(whole));
  equal(resumed.slice(0, 5000), pattern(0, 5000));
  throws(() => resumed.resume(pattern(0, 1), 1), /Invariant/);
});

Deno.test("whatever is appended and dropped, the rest reads as it was", () => {
  const step = fc.record({
    messages: fc.array(
      fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 9000 })),
      {
        minLength: 1,
        maxLength: 8,
      },
    ),
    drop: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.array(step, { maxLength: 30 }), (start, steps) => {
      const buffer = new TailBuffer(start);
      const boundaries = new Set([start]);
      for (const { messages, drop } of steps) {
        let length = 0;
        const messageEnds = messages.map((message) => length += message);
        for (const end of messageEnds) boundaries.add(buffer.end + end);
        buffer.append(pattern(buffer.end, length), messageEnds, 0);
        if (drop < 0.5) {
          buffer.dropBefore(buffer.blocks[Math.floor(drop * buffer.blocks.length)]?.end ?? 0);
        }
        equal(
          buffer.slice(buffer.start, buffer.end),
          pattern(buffer.start, buffer.end - buffer.start),
        );
        let from = buffer.start;
        for (const { end } of buffer.blocks) {
          ok(boundaries.has(end));
          const isOneMessage = ![...boundaries].some((at) => at > from && at < end);
          ok(end - from <= BLOCK_BYTES || isOneMessage, `${from} to ${end} is no block`);
          from = end;
        }
        equal(from, buffer.openBlockStart);
        ok(buffer.end - from < BLOCK_BYTES);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("the block start is that of the block that an offset is in", () => {
  const buffer = fill(new TailBuffer(100), [4000, 4000, 50]);
  const at = [100, 101, 4099, 4100, 8099, 8100, 8150];
  equal(at.map((offset) => buffer.blockStart(offset)), [100, 100, 100, 4100, 4100, 4100, 4100]);
  buffer.dropBefore(4100);
  equal([4100, 8150].map((offset) => buffer.blockStart(offset)), [4100, 4100]);
});

Deno.test("blockSince is the first block with a message of that time or later", () => {
  const buffer = new TailBuffer(100);
  equal(buffer.blockSince(0), undefined);
  for (const [length, atMs] of [[4000, 10], [4096, 20], [1, 30], [1, 40]] as const) {
    buffer.append(pattern(buffer.end, length), [length], atMs);
  }
  const times = [0, 10, 11, 20, 21, 30, 31, 40, 41];
  equal(times.map((ms) => buffer.blockSince(ms)), [
    ...[100, 100, 4100, 4100, 8196, 8196, 8196, 8196],
    undefined,
  ]);
  buffer.dropBefore(8196);
  equal([5, 35, 41].map((ms) => buffer.blockSince(ms)), [8196, 8196, undefined]);
});

Deno.test("blockSince is none where all messages of that time have left", () => {
  const buffer = new TailBuffer(0);
  buffer.append(pattern(0, 4096), [4096], 10);
  buffer.dropBefore(4096);
  equal([buffer.lastAtMs, buffer.blockSince(5)], [10, undefined]);
});
