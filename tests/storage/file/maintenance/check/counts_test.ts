import { deepStrictEqual as equal, match } from "node:assert";
import { DatabaseSync } from "node:sqlite";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { encodeUtf8 } from "../../../../../src/protocol/bytes.ts";
import { rowChecksum, STREAM_COLUMNS } from "../../../../../src/storage/file/catalog/schema.ts";
import { checkDirectory } from "../../../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../../../src/storage/file/maintenance/check/finding.ts";
import { repairDirectory } from "../../../../../src/storage/file/maintenance/repair/repair.ts";
import {
  decodeIndexEntry,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  putIndexEntry,
} from "../../../../../src/storage/file/segments/index_format.ts";
import { openFileStorage } from "../../../../../src/storage/file/open.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";

const JSON_TYPE = "application/json";
const INDEX = "segments/01/0000000000000001-00000000000000000000.idx";

/** A directory with a JSON stream of three blocks and a rest, and 15 messages. */
async function makeDirectory(dir: string): Promise<void> {
  const storage = await openFileStorage({ dir, walBytes: 64 * 1024, smallStreamBytes: 0 });
  await storage.create("s", { contentType: JSON_TYPE });
  for (let i = 0; i < 15; i++) {
    const body = encodeUtf8(JSON.stringify(`${i}`.padEnd(1000, "x")));
    await storage.append("s", { contentType: JSON_TYPE, body });
  }
  await storage.close();
}

function findingsOf(dir: string): string[] {
  const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir });
  return found.filter(isFinding).map(({ message, expected, found }) =>
    `${message}: ${expected}, ${found}`
  );
}

Deno.test("an entry of an index that counts wrongly is found, and repaired", () =>
  withTempDir(async (root) => {
    const dir = `${root}/d`;
    await makeDirectory(dir);
    equal(findingsOf(dir), []);
    const bytes = Deno.readFileSync(`${dir}/${INDEX}`);
    const at = INDEX_HEADER_BYTES + INDEX_ENTRY_BYTES;
    const entry = decodeIndexEntry(bytes, at);
    if (entry === undefined) throw new Error("The index has an entry there.");
    putIndexEntry(bytes, at, { ...entry, messages: entry.messages + 1 });
    Deno.writeFileSync(`${dir}/${INDEX}`, bytes);
    const [first = "", second = ""] = findingsOf(dir);
    match(first, /doesn't count its block's messages: 8 messages up to its end, 9/);
    match(second, /doesn't count its block's messages: 13 messages up to its end, 12/);
    const options = { fileSystem: nodeFileSystem, dir, isDryRun: false, nowMs: 0 };
    equal((await repairDirectory(options)).left, []);
    const repaired = decodeIndexEntry(Deno.readFileSync(`${dir}/${INDEX}`), at);
    equal(repaired, entry);
  }));

Deno.test("a row that counts wrongly is found, and repaired", () =>
  withTempDir(async (root) => {
    const dir = `${root}/d`;
    await makeDirectory(dir);
    const database = new DatabaseSync(`${dir}/catalog.sqlite`);
    const row = database.prepare("SELECT * FROM stream").get() ?? {};
    const wrong = { ...row, messages: 7, rest_messages: 2 };
    const values = STREAM_COLUMNS.map((column) => Object(wrong)[column]);
    database.prepare("UPDATE stream SET messages = 7, rest_messages = 2, crc32 = ?")
      .run(rowChecksum(values));
    database.close();
    equal(findingsOf(dir), [
      "rest_messages isn't how many messages the rest has: 3, 2",
      "messages isn't how many the segments, the blocks and the rest have: 15, 7",
    ]);
    const options = { fileSystem: nodeFileSystem, dir, isDryRun: false, nowMs: 0 };
    const { left, actions } = await repairDirectory(options);
    equal(left, []);
    match(actions.map(({ message }) => message).join("\n"), /counted anew: 15/);
    const storage = await openFileStorage({ dir });
    equal((await storage.head("s")).messages, 15);
    await storage.close();
  }));
