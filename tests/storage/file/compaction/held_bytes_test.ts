import assert from "node:assert/strict";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { StreamError } from "../../../../src/protocol/errors.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { Random } from "../../../support/random.ts";
import { withTempDir } from "../../../support/temp_dir.ts";
import { until } from "../../../support/until.ts";

const SEED = Number(Deno.env.get("TESTS_SEED") ?? Date.now() % 1_000_000);
const STEPS = 60;
const JSON_TYPE = "application/json";
const POLICIES = { compaction: { key: "/id" } };
const LIMIT_BYTES = 400_000;
const QUOTAS = [{ pattern: "**", bytes: LIMIT_BYTES }];
const OPTIONS = { fsync: "never", segmentBytes: 8192 } as const;
const PAD = "x".repeat(200);

/** Appends messages of few keys. */
async function append(storage: Storage, name: string, messages: number): Promise<void> {
  for (let i = 0; i < messages; i++) {
    const body = encodeUtf8(JSON.stringify({ id: i % 5, value: i, pad: PAD }));
    await storage.append(name, { contentType: JSON_TYPE, body });
  }
}

/** Until all that is sealed of a stream is compacted. */
async function compact(kit: FileKit, name: string): Promise<void> {
  const { id } = await kit.storage.head(name);
  await until(async () => {
    await kit.checkpoint();
    const segments = kit.catalog.segments(id);
    return segments.length > 1 && segments.slice(0, -1).every(({ generation }) => generation > 0);
  }, () => `${name} is never compacted`);
}

/** How many bytes count in the quota: what refuses too much says it. */
async function countedBytes(storage: Storage): Promise<number> {
  await until(() => storage.status().quotas?.isCounted === true, () => "quotas are counted");
  try {
    await storage.create("much", { body: new Uint8Array(LIMIT_BYTES + 1) });
  } catch (error) {
    const match = error instanceof StreamError
      ? /: (-?\d+) of \d+ bytes/.exec(error.message)
      : null;
    if (match !== null) return Number(match[1]);
    throw error;
  }
  throw new Error("The quota takes too much.");
}

/** How many bytes can be read of a stream: those of its source, too. */
async function readableBytes(storage: Storage, name: string): Promise<number> {
  let bytes = 0;
  for (let at = (await storage.head(name)).earliest;;) {
    const { data, next, tail } = await storage.read(name, at, 64 * 1024);
    bytes += data.length;
    if (next === tail) return bytes;
    at = next;
  }
}

Deno.test("what a compaction leaves out makes room in quotas, also after a start, and all goes with the stream", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { ...OPTIONS, quotas: QUOTAS });
    let storage = await kit.open();
    const empty = await countedBytes(storage);
    await storage.create("s", { contentType: JSON_TYPE, policies: POLICIES });
    await append(storage, "s", 300);
    const before = await countedBytes(storage);
    await compact(kit, "s");
    // The kit's own stream has a byte for each checkpoint.
    const marks = await readableBytes(storage, "file-kit/mark");
    const held = await readableBytes(storage, "s");
    assert.ok(held < before / 2, `${held} of ${before} bytes are left`);
    assert.equal(await countedBytes(storage), held + marks);
    storage = await kit.reopen();
    assert.equal(await countedBytes(storage), held + marks);
    storage = await kit.crash();
    assert.equal(await countedBytes(storage), held + marks);
    await storage.delete("s");
    assert.equal(await countedBytes(storage), empty + marks);
    await kit.close();
  }));

Deno.test("retention by bytes goes by what compactions have left", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await kit.open();
    await storage.create("s", { contentType: JSON_TYPE, policies: POLICIES });
    await append(storage, "s", 300);
    await compact(kit, "s");
    const held = await readableBytes(storage, "s");
    const retention = { bytes: held };
    assert.ok((await storage.head("s")).tail > 2 * held);
    await storage.update?.("s", { retention });
    assert.equal((await storage.head("s")).earliest, 0);
    // Of keys that are new, so that all of them stay.
    for (let id = 1000; id < 1200; id++) {
      const body = encodeUtf8(JSON.stringify({ id, pad: PAD }));
      await storage.append("s", { contentType: JSON_TYPE, body });
      const bytes = await readableBytes(storage, "s");
      assert.ok(bytes >= held, `${bytes} of ${held} bytes are left`);
    }
    await until(
      async () => (await storage.head("s")).earliest > 0,
      () => "nothing is trimmed",
    );
    assert.ok(await readableBytes(storage, "s") <= held + 3 * OPTIONS.segmentBytes);
    await kit.close();
  }));

class History {
  readonly #kit: FileKit;
  readonly #random: Random;
  #names: string[] = [];
  #made = 0;

  constructor(kit: FileKit, random: Random) {
    this.#kit = kit;
    this.#random = random;
  }

  async step(): Promise<void> {
    const { storage } = this.#kit;
    const dice = this.#random.below(100);
    if (this.#names.length < 2 || (this.#names.length < 5 && dice < 10)) {
      return await this.#create();
    }
    const name = this.#random.pick(this.#names);
    if (dice < 50) await append(storage, name, this.#random.between(1, 80));
    else if (dice < 65) await this.#trim(name);
    else if (dice < 72) {
      await storage.delete(name);
      this.#names = this.#names.filter((each) => each !== name);
    } else if (dice < 80) await this.#kit.checkpoint();
    else if (dice < 87) await this.#kit.reopen();
    else if (dice < 95) await this.#kit.crash();
    else for (let i = 0; i < 3; i++) await this.#kit.checkpoint();
  }

  /** What counts is what a new count finds, and no less than is there. */
  async check(): Promise<void> {
    const { storage } = this.#kit;
    for (let tries = 0; tries < 10; tries++) {
      await this.#kit.checkpoint();
      const before = await this.#read();
      const counted = await countedBytes(storage);
      storage.prepareQuotas?.([])();
      storage.prepareQuotas?.(QUOTAS)();
      const countedAnew = await countedBytes(storage);
      const after = await this.#read();
      // A compaction that ran meanwhile has changed it rightly.
      if (before.all !== after.all) continue;
      assert.ok(counted >= after.own, `${counted} are counted of ${after.own} (seed ${SEED})`);
      return assert.equal(counted, countedAnew, `seed ${SEED}`);
    }
  }

  /** How much can be read, and how much of streams that aren't forks. */
  async #read(): Promise<{ all: number; own: number }> {
    const { storage } = this.#kit;
    let all = 0;
    let own = 0;
    for (const name of this.#names) {
      const bytes = await readableBytes(storage, name);
      all += bytes;
      if ((await storage.describe?.(name))?.forkedFrom === undefined) own += bytes;
    }
    return { all, own };
  }

  async #create(): Promise<void> {
    const name = `s${this.#made++}`;
    const source = this.#names.length > 0 && this.#random.chance(0.4)
      ? this.#random.pick(this.#names)
      : undefined;
    await this.#kit.storage.create(name, {
      contentType: JSON_TYPE,
      policies: POLICIES,
      ...(source !== undefined && { fork: { source } }),
    });
    this.#names.push(name);
  }

  async #trim(name: string): Promise<void> {
    const { storage } = this.#kit;
    const { earliest, tail } = await storage.head(name);
    const { next } = await storage.read(name, earliest, this.#random.below(tail - earliest + 1));
    await storage.update?.(name, { trimBefore: next });
  }
}

Deno.test(`what counts in a quota is what is held, whatever has come before (TESTS_SEED=${SEED})`, () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { ...OPTIONS, quotas: QUOTAS, maxLoadedStreams: 2 });
    await kit.open();
    const history = new History(kit, new Random(SEED));
    for (let step = 0; step < STEPS; step++) {
      await history.step();
      if (step % 5 === 0) await history.check();
    }
    await kit.close();
  }));
