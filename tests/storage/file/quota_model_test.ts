import { deepEqual, equal, ok } from "node:assert/strict";
import { StreamError } from "../../../src/protocol/errors.ts";
import type { QuotaOptions } from "../../../src/storage/quota_account.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { FileKit } from "../../support/file_kit.ts";
import { Random } from "../../support/random.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";

const SEED = Number(Deno.env.get("TESTS_SEED") ?? Date.now() % 1_000_000);
const STEPS = 150;
const RUNS = 2;
const TEXT = "text/plain";
const QUOTA_BYTES = 3000;
const QUOTA_STREAMS = 4;
const QUOTAS = [
  { pattern: "users/*/**", bytes: QUOTA_BYTES, streams: QUOTA_STREAMS },
  { pattern: "users/**", bytes: 3 * QUOTA_BYTES },
];
const NAMES = ["u1", "u2", "u3", "u4"].flatMap((user) =>
  ["a", "b", "c", "d", "e", "f"].map((name) => `users/${user}/${name}`)
).concat(["x", "y"]);

/** A stream as the model knows it: what is its own, and whom it was forked from. */
interface ModelStream {
  readonly name: string;
  readonly source: ModelStream | undefined;
  readonly endsAtMs: number;
  bytes: number;
  forks: number;
  isDeleted: boolean;
}

/** What is stored, by the rules of the protocol's forks and of nothing else. */
class Model {
  readonly streams = new Map<string, ModelStream>();

  /** Whether so much more fits at a name. */
  fits(name: string, bytes: number, streams: number): boolean {
    const user = /^users\/[^/]+/.exec(name)?.[0];
    if (user === undefined) return true;
    const all = [...this.streams.values()].filter((each) => each.name.startsWith("users/"));
    const sum = (some: readonly ModelStream[]) =>
      some.reduce((total, each) => total + each.bytes, 0);
    if (bytes > 0 && sum(all) + bytes > 3 * QUOTA_BYTES) return false;
    const own = all.filter((each) => each.name.startsWith(`${user}/`));
    return (bytes === 0 || sum(own) + bytes <= QUOTA_BYTES) &&
      own.length + streams <= QUOTA_STREAMS;
  }

  create(name: string, bytes: number, source: ModelStream | undefined, endsAtMs: number): void {
    this.streams.set(name, { name, source, endsAtMs, bytes, forks: 0, isDeleted: false });
    if (source !== undefined) source.forks++;
  }

  delete(stream: ModelStream): void {
    stream.isDeleted = true;
    for (let last: ModelStream | undefined = stream; last?.isDeleted && last.forks === 0;) {
      this.streams.delete(last.name);
      last = last.source;
      if (last !== undefined) last.forks--;
    }
  }

  expire(nowMs: number): void {
    for (const stream of [...this.streams.values()]) {
      if (!stream.isDeleted && stream.endsAtMs <= nowMs) this.delete(stream);
    }
  }

  /** How many accounts anything is in. */
  get accounts(): number {
    const names = [...this.streams.keys()];
    const users = new Set(names.flatMap((name) => /^users\/[^/]+/.exec(name)?.[0] ?? []));
    return users.size + (users.size > 0 ? 1 : 0);
  }
}

async function isRefused(operation: Promise<unknown>): Promise<boolean> {
  try {
    await operation;
    return false;
  } catch (error) {
    if (error instanceof StreamError && error.code === "quota_exceeded") return true;
    throw error;
  }
}

class History {
  readonly #kit: FileKit;
  readonly #random: Random;
  readonly #model = new Model();
  refusals = 0;

  constructor(kit: FileKit, random: Random) {
    this.#kit = kit;
    this.#random = random;
  }

  get #storage(): Storage {
    return this.#kit.storage;
  }

  async step(): Promise<void> {
    const random = this.#random;
    const name = random.pick(NAMES);
    const stream = this.#model.streams.get(name);
    const dice = random.below(100);
    if (dice < 4) return await this.#restart(random.chance(0.5));
    if (dice < 8) {
      await this.#kit.checkpoint();
      return await this.#settle();
    }
    if (dice < 14) return await this.#passTime();
    if (dice < 16) return await this.#changeQuotas();
    if (stream === undefined) return await this.#create(name);
    if (stream.isDeleted) return;
    if (dice < 35) {
      await this.#storage.delete(name);
      this.#model.delete(stream);
    } else await this.#append(stream);
  }

  async #create(name: string): Promise<void> {
    const random = this.#random;
    const sources = [...this.#model.streams.values()].filter((each) => !each.isDeleted);
    const source = sources.length > 0 && random.chance(0.4) ? random.pick(sources) : undefined;
    const bytes = random.chance(0.3) ? 0 : random.between(1, 1200);
    const nowMs = this.#kit.clock.nowMs();
    const ends = random.chance(0.3) ? nowMs + random.between(1, 20_000) : Infinity;
    // A fork ends with its source unless it says otherwise.
    const endsAtMs = ends === Infinity && source !== undefined ? source.endsAtMs : ends;
    const fits = this.#model.fits(name, bytes, 1);
    const refused = await isRefused(this.#storage.create(name, {
      contentType: TEXT,
      body: new Uint8Array(bytes),
      ...(ends !== Infinity && { lifetime: { kind: "until", expiresAtMs: ends } }),
      ...(source !== undefined && { fork: { source: source.name } }),
    }));
    this.#check(refused, fits, `the create of ${name} with ${bytes} bytes`);
    if (fits) this.#model.create(name, bytes, source, endsAtMs);
  }

  async #append(stream: ModelStream): Promise<void> {
    const bytes = this.#random.between(1, 1500);
    const fits = this.#model.fits(stream.name, bytes, 0);
    const body = new Uint8Array(bytes);
    const refused = await isRefused(this.#storage.append(stream.name, { contentType: TEXT, body }));
    this.#check(refused, fits, `the append of ${bytes} bytes to ${stream.name}`);
    if (fits) stream.bytes += bytes;
  }

  #check(refused: boolean, fits: boolean, what: string): void {
    if (refused) this.refusals++;
    equal(refused, !fits, `${what} ${fits ? "fits" : "doesn't fit"} (seed ${SEED})`);
  }

  async #restart(killed: boolean): Promise<void> {
    if (killed) await this.#kit.crash();
    else await this.#kit.close();
    if (!killed) await this.#kit.open();
    await this.#settle();
  }

  /** Some of them are gone for a moment, and counted anew. */
  async #changeQuotas(): Promise<void> {
    const kept = QUOTAS.filter(() => this.#random.chance(0.3));
    this.#storage.prepareQuotas?.(kept)();
    this.#storage.prepareQuotas?.([...QUOTAS].reverse())();
    await this.#settle();
  }

  async #passTime(): Promise<void> {
    this.#kit.clock.advance(this.#random.between(1, 8000));
    this.#model.expire(this.#kit.clock.nowMs());
    await this.#settle();
  }

  /** Until the storage has ended what is over, and counted all. */
  async #settle(): Promise<void> {
    this.#model.expire(this.#kit.clock.nowMs());
    // Asked for, a stream whose time is over goes at once.
    for (const name of NAMES) await this.#storage.head(name).catch(() => {});
    await until(
      () => this.#storage.status().quotas?.isCounted === true,
      () => "quotas are counted",
    );
    deepEqual(this.#storage.status().quotas?.accounts, this.#model.accounts, `seed ${SEED}`);
  }
}

Deno.test(`quotas refuse what a model of them does, through restarts and kills (TESTS_SEED=${SEED})`, async () => {
  let refusals = 0;
  for (let run = 0; run < RUNS; run++) {
    await withTempDir(async (root) => {
      const options = { quotas: QUOTAS, segmentBytes: 8192, maxLoadedStreams: 3 };
      const kit = new FileKit(root, { ...options, fsync: "never" });
      await kit.open();
      const history = new History(kit, new Random(SEED + run));
      for (let step = 0; step < STEPS; step++) await history.step();
      await kit.close();
      refusals += history.refusals;
    });
  }
  ok(refusals > 10, `${refusals} commands were refused`);
});

/** Storages whose quotas were there from the start, or came later. */
const WAYS: Readonly<
  Record<string, (kit: FileKit, root: string, quotas: QuotaOptions[]) => Promise<FileKit>>
> = {
  async start(kit, root, quotas) {
    await kit.close();
    const limited = new FileKit(root, { quotas }, kit.clock);
    await limited.open();
    return limited;
  },
  async reload(kit, _root, quotas) {
    await kit.checkpoint();
    kit.storage.prepareQuotas?.(quotas)();
    return kit;
  },
};

for (const [way, limit] of Object.entries(WAYS)) {
  Deno.test(`while a ${way} counts, what is counted has its quota already, and appends go on`, async () => {
    await withTempDir(async (root) => {
      const kit = new FileKit(root, { maxLoadedStreams: 3 });
      await kit.open();
      const names = Array.from({ length: 1000 }, (_, i) => `u${i % 10}/${i}`);
      const body = new Uint8Array(10);
      await Promise.all(names.map((name) => kit.storage.create(name, { contentType: TEXT, body })));
      const limited = await limit(kit, root, [{ pattern: "*/**", bytes: 1020 }]);
      const { storage } = limited;
      equal(storage.status().quotas?.isCounted, false);
      // Meanwhile streams come, grow and go: counted ones, others, and new ones.
      await storage.append("u0/0", { contentType: TEXT, body });
      await storage.append("u9/999", { contentType: TEXT, body });
      await storage.delete("u1/1");
      await storage.delete("u8/998");
      await storage.create("u2/new", { contentType: TEXT, body });
      await until(() => storage.status().quotas?.isCounted === true, () => "quotas are counted");
      const room = async (name: string) => {
        for (let bytes = 0;; bytes++) {
          const one = new Uint8Array(1);
          if (await isRefused(storage.append(name, { contentType: TEXT, body: one }))) return bytes;
        }
      };
      deepEqual(
        await Promise.all(["u0/0", "u9/9", "u1/11", "u8/8", "u2/2", "u3/3"].map(room)),
        [10, 10, 30, 30, 10, 20],
      );
      await limited.close();
    });
  });
}
