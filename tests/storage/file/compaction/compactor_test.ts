import assert from "node:assert/strict";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { messageEnds } from "../../../../src/protocol/json.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { yieldToEventLoop } from "../../../../src/storage/yield_to_event_loop.ts";
import { withTempDir } from "../../../support/temp_dir.ts";
import { until } from "../../../support/until.ts";

const JSON_TYPE = "application/json";
const KEYS = 20;
const PAD = "x".repeat(80);

class Compacted {
  readonly fileSystem = new HookedFileSystem();
  readonly kit: FileKit;

  constructor(root: string, maxLoadedStreams = 1000) {
    const { fileSystem } = this;
    const options = { fsync: "never", segmentBytes: 8192, fileSystem, maxLoadedStreams } as const;
    this.kit = new FileKit(root, options);
  }

  /** A stream whose keys were all set, then deleted, and then others set. */
  async make(name: string): Promise<Storage> {
    const storage = this.kit.storage;
    const policies = { compaction: { key: "/id", deleteKeepMs: 0 } };
    await storage.create(name, { contentType: JSON_TYPE, policies });
    const append = async (message: unknown) =>
      await storage.append(name, {
        contentType: JSON_TYPE,
        body: encodeUtf8(JSON.stringify(message)),
      });
    for (let i = 0; i < 10 * KEYS; i++) await append({ id: i % KEYS, value: i, pad: PAD });
    for (let id = 0; id < KEYS; id++) await append({ id, headers: { operation: "delete" } });
    for (let i = 0; i < 10 * KEYS; i++) await append({ id: KEYS + i % KEYS, value: i, pad: PAD });
    this.kit.clock.advance(1000);
    return storage;
  }

  /** Until all that is sealed of it is compacted. */
  async compact(name: string): Promise<void> {
    const { id } = await this.kit.storage.head(name);
    await until(async () => {
      await this.kit.checkpoint();
      const segments = this.kit.catalog.segments(id);
      return segments.length > 1 && segments.slice(0, -1).every(({ generation }) => generation > 0);
    }, () => `${name} is never compacted`);
  }

  async deletions(name: string): Promise<number> {
    let found = 0;
    for (let at = 0;;) {
      const { data, next, tail } = await this.kit.storage.read(name, at, 64 * 1024);
      let start = 0;
      for (const end of messageEnds(data)) {
        const text = new TextDecoder().decode(data.subarray(start, end - 2));
        if (text.includes("delete")) found++;
        start = end;
      }
      if (next === tail) return found;
      at = next;
    }
  }
}

Deno.test("deletions that are to stay for longer stay, also where a compaction runs by then", () =>
  withTempDir(async (root) => {
    const compacted = new Compacted(root);
    await compacted.kit.open();
    const storage = await compacted.make("s");
    const changes: Promise<unknown>[] = [];
    compacted.fileSystem.before = ({ call, path }) => {
      if (call !== "create" || !path.includes(".g1") || changes.length > 0) return;
      const compaction = { key: "/id", deleteKeepMs: 86_400_000 };
      changes.push(storage.update?.("s", { compaction }) ?? Promise.resolve());
    };
    await compacted.compact("s");
    await Promise.all(changes);
    assert.equal(changes.length, 1);
    assert.equal(await compacted.deletions("s"), KEYS);
    await compacted.kit.close();
  }));

Deno.test("a compaction that fails as nobody expects ends neither the storage nor other compactions", () =>
  withTempDir(async (root) => {
    const compacted = new Compacted(root);
    await compacted.kit.open();
    await compacted.make("bad");
    const storage = await compacted.make("s");
    const { id } = await storage.head("bad");
    compacted.fileSystem.before = ({ call, path }) => {
      if (call === "create" && path.includes(".g1") && path.includes(`/0${id}/`)) {
        throw new TypeError("nobody expects it");
      }
    };
    await compacted.compact("s");
    assert.ok(await compacted.deletions("s") < KEYS / 2);
    assert.equal(await compacted.deletions("bad"), KEYS);
    await compacted.kit.close();
  }));

Deno.test("more streams than may be in memory are looked at once each, and the storage closes", () =>
  withTempDir(async (root) => {
    const compacted = new Compacted(root, 2);
    const { kit } = compacted;
    await kit.open();
    const names = ["a", "b", "c", "d"];
    for (const name of names) await compacted.make(name);
    for (const name of names) await compacted.compact(name);
    const storage = await kit.reopen();
    for (const name of names) await storage.head(name);
    let loads = 0;
    const byId = kit.catalog.byId.bind(kit.catalog);
    kit.catalog.byId = (id) => {
      loads++;
      return byId(id);
    };
    await kit.checkpoint();
    for (let turn = 0; turn < 1000; turn++) await yieldToEventLoop();
    assert.ok(loads <= 3 * names.length, `${loads} loads of ${names.length} streams`);
    await kit.close();
  }));
