import { deepStrictEqual as equal } from "node:assert";
import { type Bytes, encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { SegmentRow } from "../../../../src/storage/file/catalog/catalog.ts";
import { checksum } from "../../../../src/storage/file/directory/checksum.ts";
import { segmentPaths } from "../../../../src/storage/file/directory/paths.ts";
import { IndexConverter } from "../../../../src/storage/file/segments/index_conversion.ts";
import {
  encodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  putIndexEntry,
} from "../../../../src/storage/file/segments/index_format.ts";
import { Random } from "../../../support/random.ts";
import { FaultyFileSystem } from "../../../support/simulation/faulty_file_system.ts";

const HISTORIES = 300;
const SEGMENTS = 4;
const BLOCKS = 3;
const OLD_ENTRY_BYTES = 32;
const UUID = "6f0c0e3a-7d1c-4a52-9d55-6f6a4a2f9f10";
const PATHS = { root: "/d", segments: "/d/segments" };

/** A segment of a JSON stream, with its index in the form of either version. */
interface MadeSegment {
  readonly row: SegmentRow;
  readonly log: Bytes;
  readonly index: Bytes;
  readonly oldIndex: Bytes;
}

/** Segments of blocks of 1, 2 and 3 messages. */
function makeSegments(): MadeSegment[] {
  const blocks = Array.from({ length: BLOCKS }, (_, i) => encodeUtf8(`"${i}",\n`.repeat(i + 1)));
  const log = encodeUtf8(blocks.map((block) => new TextDecoder().decode(block)).join(""));
  let messages = 0;
  return Array.from({ length: SEGMENTS }, (_, number) => {
    const base = number * log.length;
    const { length: bytes } = log;
    const place = { streamId: 1, base, end: base + bytes, generation: 0 };
    const row = { ...place, bytes, blocks: BLOCKS };
    const header = encodeIndexHeader({ uuid: UUID, streamId: 1, base });
    const index = new Uint8Array(INDEX_HEADER_BYTES + BLOCKS * INDEX_ENTRY_BYTES);
    const oldIndex = new Uint8Array(INDEX_HEADER_BYTES + BLOCKS * OLD_ENTRY_BYTES);
    index.set(header);
    oldIndex.set(header);
    oldIndex[7] = 1;
    const view = new DataView(oldIndex.buffer);
    view.setUint32(44, checksum(oldIndex.subarray(0, 44)), true);
    let filePosition = 0;
    for (const [i, block] of blocks.entries()) {
      messages += i + 1;
      const end = base + filePosition + block.length;
      const at = INDEX_HEADER_BYTES + i * INDEX_ENTRY_BYTES;
      putIndexEntry(index, at, { end, filePosition, atMs: i, messages, checksum: checksum(block) });
      const oldAt = INDEX_HEADER_BYTES + i * OLD_ENTRY_BYTES;
      oldIndex.set(index.subarray(at, at + 24), oldAt);
      view.setUint32(oldAt + 24, checksum(block), true);
      view.setUint32(oldAt + 28, checksum(oldIndex.subarray(oldAt, oldAt + 28)), true);
      filePosition += block.length;
    }
    return { row, log, index, oldIndex };
  });
}

function pathsOf({ row }: MadeSegment): { log: string; index: string } {
  return segmentPaths(PATHS.segments, row.streamId, row.base);
}

async function write(fileSystem: FaultyFileSystem, path: string, bytes: Bytes): Promise<void> {
  const file = fileSystem.open(path, "create");
  file.writeSync(bytes, 0);
  await file.dataSync();
  file.close();
}

function read(fileSystem: FaultyFileSystem, path: string): Bytes {
  const file = fileSystem.open(path, "read");
  const bytes = new Uint8Array(file.size());
  file.readSync(bytes, 0);
  file.close();
  return bytes;
}

/** Converts all of it, as a start does; false where the process ended meanwhile. */
async function convert(
  fileSystem: FaultyFileSystem,
  segments: readonly MadeSegment[],
): Promise<boolean> {
  const converter = new IndexConverter({ fileSystem, paths: PATHS, turn: () => undefined });
  const run = async () => {
    const rows = segments.map(({ row }) => row);
    equal(await converter.convert({ id: 1, isJson: true }, rows), SEGMENTS * (1 + 2 + 3));
    await converter.finish();
    return true;
  };
  const ended = fileSystem.process.exited.then(() => false);
  return await Promise.race([ended, run()]).catch((error) => {
    if (fileSystem.process.hasExited) return false;
    throw error;
  });
}

Deno.test("indexes that are converted are whole and on disk, whatever ended the starts before", async () => {
  const segments = makeSegments();
  for (let seed = 0; seed < HISTORIES; seed++) {
    const random = new Random(seed);
    let fileSystem = new FaultyFileSystem({ random, hasBarrier: random.chance(0.5) });
    fileSystem.makeDirectory(`${PATHS.segments}/01`);
    for (const segment of segments) {
      await write(fileSystem, pathsOf(segment).log, segment.log);
      await write(fileSystem, pathsOf(segment).index, segment.oldIndex);
    }
    for (const folder of ["/", "/d", "/d/segments", "/d/segments/01"]) {
      await fileSystem.syncDirectory(folder);
    }
    for (let starts = 0;; starts++) {
      if (starts < 8) fileSystem.process.exitAfter(random.between(1, 45));
      if (await convert(fileSystem, segments)) break;
      fileSystem = random.chance(0.2) ? fileSystem.crash() : fileSystem.kill();
    }
    fileSystem = fileSystem.crash();
    for (const segment of segments) {
      equal(read(fileSystem, pathsOf(segment).index), segment.index, `seed ${seed}`);
    }
  }
});
