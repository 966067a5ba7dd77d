import { deepStrictEqual as equal } from "node:assert";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { directoryPaths } from "../../../../../src/storage/file/directory/paths.ts";
import { checkLog } from "../../../../../src/storage/file/maintenance/check/log.ts";
import {
  batchSeed,
  encodeBatch,
  encodeLogHeader,
  LOG_HEADER_BYTES,
  logFileName,
  logSeed,
} from "../../../../../src/storage/file/wal/format.ts";
import { measureRecord } from "../../../../../src/storage/file/wal/record_codec.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";

const UUID = "00112233-4455-6677-8899-aabbccddeeff";
const SIZE_BYTES = 16 * 1024;

function append(dataBytes: number): Uint8Array<ArrayBuffer> {
  const record = measureRecord({
    kind: "append",
    id: 1,
    atMs: 0,
    start: 0,
    data: new Uint8Array(dataBytes),
    producer: undefined,
    seq: undefined,
    close: false,
  });
  const bytes = new Uint8Array(record.lengthBytes);
  record.encode(bytes, new DataView(bytes.buffer), 0);
  return bytes;
}

for (const dataBytes of [100, 438, 439, 450, 478, 479, 2000]) {
  Deno.test(`a torn header after a batch of ${dataBytes} bytes of data is noted where it stands`, () =>
    withTempDir((dir) => {
      const paths = directoryPaths(dir);
      nodeFileSystem.makeDirectory(paths.log);
      const header = { number: 1, salt: 7, uuid: UUID, firstLsn: 1, sizeBytes: SIZE_BYTES };
      const file = new Uint8Array(SIZE_BYTES);
      file.set(encodeLogHeader(header));
      const first = encodeBatch(
        [append(dataBytes)],
        { firstLsn: 1, syncedLsn: 0 },
        batchSeed(logSeed(header), LOG_HEADER_BYTES),
      );
      file.set(first, LOG_HEADER_BYTES);
      const end = LOG_HEADER_BYTES + first.length;
      const torn = encodeBatch([append(10)], { firstLsn: 2, syncedLsn: 1 }, 0);
      file.set(torn, end);
      Deno.writeFileSync(`${paths.log}/${logFileName(1)}`, file);

      const scope = {
        fileSystem: nodeFileSystem,
        paths,
        counts: { files: 0, bytes: 0, streams: 0 },
      };
      const found = [...checkLog(scope, { uuid: UUID, lsn: 0 }, () => [])];
      equal(found.map(({ kind, position }) => [kind, position]), [["torn_tail", end]]);
    }));
}
