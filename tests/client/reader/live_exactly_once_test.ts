import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { Reader } from "../../../src/client/reader/reader.ts";
import { AppKit, untilSettled } from "../../support/client/reader_kit.ts";
import { CLOSE, JSON_TYPE } from "../../support/fixture.ts";
import { Random } from "../../support/random.ts";
import { unreliableNetwork } from "../../support/client/unreliable_network.ts";

const RUNS = 60;
const TYPES = ["application/json", "text/plain", "application/octet-stream"];

/** Random writes to several streams, over a network that cuts answers anywhere. */
class Streams {
  readonly random: Random;
  readonly kit: AppKit;
  readonly types = new Map<string, string>();
  /** What was written to each. */
  readonly written = new Map<string, string[]>();
  #count = 0;

  /** @param limits how many streams a connection may follow */
  constructor(seed: number, limits: readonly number[]) {
    this.random = new Random(seed);
    const ways = this.random.split();
    const faultChance = this.random.pick([0, 0.2, 0.4]);
    this.kit = new AppKit(
      {
        listing: true,
        sseBufferBytes: this.random.pick([200, 65_536]),
        liveCloseAfterMs: this.random.pick([3_000, 600_000]),
        maxLiveStreams: this.random.pick(limits),
      },
      { random: () => ways.next() },
      (send) => unreliableNetwork(send, ways, faultChance),
    );
  }

  async make(name: string): Promise<void> {
    const type = this.random.pick(TYPES);
    this.types.set(name, type);
    this.written.set(name, []);
    await this.kit.make(name, { "content-type": type });
  }

  async append(name: string): Promise<void> {
    const type = this.types.get(name) ?? "";
    const texts = Array.from(
      { length: this.random.between(1, 3) },
      () => `${this.#count++}${"é\r\n x".repeat(this.random.below(30))}`,
    );
    this.written.get(name)?.push(...texts);
    const body = type === "application/json" ? JSON.stringify(texts) : texts.join("");
    await this.kit.append(name, { "content-type": type }, body);
  }

  async close(name: string): Promise<void> {
    await this.kit.append(name, CLOSE, undefined);
  }

  check(name: string, seen: readonly string[]): void {
    const written = this.written.get(name) ?? [];
    if (this.types.get(name) === "application/json") {
      deepEqual(seen.map((text) => JSON.parse(text)), written);
    } else equal(seen.join(""), written.join(""));
  }
}

async function followShared(seed: number): Promise<void> {
  const streams = new Streams(seed, [2, 1_000]);
  const { random, kit } = streams;
  const names = Array.from({ length: random.between(2, 5) }, (_, i) => `s${i}`);
  for (const name of names) await streams.make(name);
  const readers: Reader[] = [];
  const follow = async (name: string) => {
    const seen: string[] = [];
    let offset = "-1";
    while (true) {
      const reader = kit.client.reader(name, { offset, maxElapsedMs: Infinity });
      readers.push(reader);
      // Now and then it is closed and begun anew, as by a component that is mounted twice.
      let left = random.between(1, 6);
      for await (const message of reader) {
        seen.push(message.text());
        offset = message.offset;
        if (--left === 0) break;
      }
      const isOver = reader.closed;
      await reader.close();
      if (isOver) return streams.check(name, seen);
    }
  };
  const reading = Promise.all(names.map(follow));
  reading.catch(() => {});
  for (let step = 0; step < 20; step++) {
    await streams.append(random.pick(names));
    if (random.chance(0.5)) await untilSettled(kit.clock, Promise.resolve(), 100);
    if (random.chance(0.3)) kit.clock.advance(random.between(1, 2_000));
  }
  for (const name of names) await streams.close(name);
  await untilSettled(kit.clock, reading);
  kit.clock.advance(700_000);
  await untilSettled(kit.clock, Promise.resolve());
  kit.clock.advance(700_000);
  equal(kit.clock.pendingTimers, 0);
}

async function followMerged(seed: number): Promise<void> {
  const streams = new Streams(seed, [1_000]);
  const { random, kit } = streams;
  const names = ["jobs/0", "jobs/1"];
  for (const name of names) await streams.make(name);
  const seen = new Map<string, string[]>();
  const stop = new AbortController();
  const read = async () => {
    const live = kit.client.live(random.chance(0.5) ? ["jobs/0"] : [], {
      patterns: ["jobs/**"],
      maxElapsedMs: Infinity,
      signal: stop.signal,
      onError: () => {},
    });
    for await (const { stream, message } of live) {
      const all = seen.get(stream) ?? [];
      all.push(message.text());
      seen.set(stream, all);
    }
  };
  const reading = read().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  for (let step = 0; step < 20; step++) {
    await streams.append(random.pick(names));
    if (random.chance(0.2)) {
      names.push(`jobs/${names.length}`);
      await streams.make(names.at(-1) ?? "");
    }
    if (random.chance(0.5)) await untilSettled(kit.clock, Promise.resolve(), 100);
    if (random.chance(0.5)) kit.clock.advance(random.between(1, 2_000));
  }
  const isComplete = () =>
    names.every((name) => {
      const written = streams.written.get(name) ?? [];
      const got = seen.get(name) ?? [];
      return streams.types.get(name) === "application/json"
        ? got.length >= written.length
        : got.join("").length >= written.join("").length;
    });
  const complete = async () => {
    while (!isComplete()) await new Promise((resolve) => kit.clock.setTimer(10, () => resolve(0)));
  };
  await untilSettled(kit.clock, complete());
  for (const name of names) streams.check(name, seen.get(name) ?? []);
  stop.abort(new Error("enough"));
  await untilSettled(kit.clock, reading);
}

Deno.test("readers that share a connection get each message once, in order, wherever that is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), followShared),
    { numRuns: RUNS, endOnFailure: true },
  );
});

Deno.test("live() brings each message of all streams of a pattern once, in order, wherever it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), followMerged),
    { numRuns: RUNS, endOnFailure: true },
  );
});

Deno.test("live() continues at the offsets of another one", async () => {
  const kit = new AppKit();
  for (const name of ["a", "b"]) await kit.make(name, JSON_TYPE, "[1,2,3]");
  const first = kit.client.live(["a", "b"]);
  let left = 4;
  for await (const _ of first) if (--left === 0) break;
  for (const name of ["a", "b"]) await kit.append(name, { ...JSON_TYPE, ...CLOSE }, "[4]");
  const starts = [...first.offsets].map(([stream, offset]) => ({ stream, offset }));
  const rest: string[] = [];
  for await (const { stream, message } of kit.client.live(starts)) {
    rest.push(`${stream}${message.text()}`);
  }
  deepEqual(rest.sort(), ["a4", "b2", "b3", "b4"]);
});
