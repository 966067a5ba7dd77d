import assert from "node:assert/strict";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { messageEnds } from "../../../../src/protocol/json.ts";
import type { FileStorageOptions } from "../../../../src/storage/file/options.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";
import { until } from "../../../support/until.ts";

const JSON_TYPE = "application/json";
const POLICIES = { compaction: { key: "/id" } };
const OPTIONS: Omit<FileStorageOptions, "dir"> = {
  fsync: "never",
  segmentBytes: 16 * 1024,
  walBytes: 256 * 1024,
};

/** A message as a stream holds it: of 100 bytes with what follows it. */
function messageOf(id: number, value: number): string {
  const head = `{"id":${id},"value":${value},"pad":"`;
  return `${head.padEnd(96, "x")}"}`;
}

/** All messages of a stream with where each begins, read in chunks of so many bytes. */
async function readAll(
  storage: Storage,
  name: string,
  from = 0,
  limitBytes = 64 * 1024,
): Promise<{ id: number; value: number }[]> {
  const found: { id: number; value: number }[] = [];
  for (let at = from;;) {
    const { data, next, tail } = await storage.read(name, at, limitBytes);
    let start = 0;
    for (const end of messageEnds(data)) {
      found.push(JSON.parse(new TextDecoder().decode(data.subarray(start, end - 2))));
      start = end;
    }
    assert.ok(next > at || next === tail, `${next} after ${at}`);
    if (next === tail) return found;
    at = next;
  }
}

function newestOf(messages: readonly { id: number; value: number }[]): Map<number, number> {
  return new Map(messages.map(({ id, value }) => [id, value]));
}

function segmentsOf(kit: FileKit): string[] {
  return Array.from(Deno.readDirSync(`${kit.dir}/segments/01`), ({ name }) => name).sort();
}

Deno.test("a compacted stream has each key's newest message, in order, at valid offsets", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    let storage = await kit.open();
    await storage.create("s", { contentType: JSON_TYPE, policies: POLICIES });
    const written: { id: number; value: number }[] = [];
    const tails: number[] = [];
    for (let value = 0; value < 1000; value++) {
      const id = (value * 7) % 40;
      written.push({ id, value });
      const body = encodeUtf8(messageOf(id, value));
      tails.push((await storage.append("s", { contentType: JSON_TYPE, body })).tail);
    }
    await until(async () => {
      await kit.checkpoint();
      const names = segmentsOf(kit);
      return names.filter((name) => !name.includes(".g")).length === 2;
    }, () => `${segmentsOf(kit)} are left`);
    const check = async () => {
      const all = await readAll(storage, "s");
      assert.ok(all.length < 400, `${all.length} messages are left`);
      assert.deepEqual(newestOf(all), newestOf(written));
      assert.deepEqual(
        all.map(({ value }) => value),
        all.map(({ value }) => value).toSorted((a, b) => a - b),
      );
      for (const limitBytes of [1, 100, 5000]) {
        assert.deepEqual(await readAll(storage, "s", 0, limitBytes), all);
      }
      // Each old offset is one from which the rest can be read, in order.
      for (let i = 0; i < tails.length; i += 17) {
        const rest = await readAll(storage, "s", tails[i]);
        assert.deepEqual(rest, all.filter(({ value }) => value > i), `from ${tails[i]}`);
      }
      const { messages } = await storage.head("s");
      assert.equal(messages, 1000);
    };
    await check();
    storage = await kit.reopen();
    await check();
    storage = await kit.crash();
    await check();
    const old = segmentsOf(kit).filter((name) => !name.includes(".g"));
    assert.equal(old.length, 2, `only the newest segment is as it was: ${old}`);
    await kit.close();
  }));
