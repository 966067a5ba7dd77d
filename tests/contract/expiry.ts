import { deepStrictEqual as equal } from "node:assert";
import { encodeUtf8, NO_BYTES } from "../../src/protocol/bytes.ts";
import type { Lifetime } from "../../src/protocol/lifetime.ts";
import { rejectsWith } from "../support/expect.ts";
import type { ManualClock } from "../support/manual_clock.ts";
import { type It, JSON_TYPE, type Subject, TEXT } from "./kit.ts";

const TTL = { kind: "ttl", ttlSeconds: 100 } as const;
/** A producer's first. */
const BATCH = {
  contentType: TEXT,
  body: encodeUtf8("x"),
  producer: { id: "p", epoch: 0, seq: 0 },
} as const;

/** TTL by the injected clock. */
export function describeSliding(it: It): void {
  it("a TTL ends a stream that isn't used", async ({ storage, streams, clock }) => {
    await storage.create("s", { contentType: TEXT, lifetime: TTL });
    clock.advance(99_000);
    await storage.head("s");
    clock.advance(1_001);
    await rejectsWith(storage.head("s"), "not_found");
    await rejectsWith(storage.read("s", 0, 4096), "not_found");
    await rejectsWith(streams.text("s", "x"), "not_found");
  });

  it("a HEAD says when a stream ends and doesn't count as a use", async ({ storage, clock }) => {
    await storage.create("s", { contentType: TEXT, lifetime: TTL });
    const { expiresAtMs } = await storage.head("s");
    clock.advance(50_000);
    const again = await storage.head("s");
    equal([again.expiresAtMs, again.lifetime], [expiresAtMs, TTL]);
  });

  for (const use of ["append", "read", "close"] as const) {
    it(`a TTL slides with each ${use}`, async ({ storage, streams, clock }) => {
      await storage.create("s", { contentType: TEXT, lifetime: TTL });
      for (let i = 0; i < 3; i++) {
        clock.advance(60_000);
        if (use === "append") await streams.text("s", "x");
        else if (use === "read") await storage.read("s", 0, 4096);
        else await streams.close("s");
      }
      clock.advance(99_000);
      await storage.head("s");
      clock.advance(1_500);
      await rejectsWith(storage.head("s"), "not_found");
    });
  }

  it("a TTL slides with uses however small they are", async ({ storage, clock }) => {
    await storage.create("s", { contentType: TEXT, lifetime: TTL });
    for (let i = 0; i < 4; i++) {
      clock.advance(4_000);
      await storage.read("s", 0, 4096);
    }
    clock.advance(99_000);
    await storage.head("s");
  });

  it("a watched sliding stream doesn't expire", async ({ storage, clock }) => {
    await storage.create("s", { contentType: TEXT, lifetime: TTL });
    const watch = await storage.watch("s", () => {});
    clock.advance(300_000);
    await storage.head("s");
    watch.cancel();
    await storage.head("s");
    clock.advance(99_000);
    await storage.head("s");
    clock.advance(2_000);
    await rejectsWith(storage.head("s"), "not_found");
  });
  for (
    const [use, run] of [
      ["a read at the tail", ({ storage }) => storage.read("s", 1, 4096)],
      ["a read of what comes now", ({ storage }) => storage.read("s", "now", 4096)],
      ["a producer's append", ({ storage }) => storage.append("s", BATCH)],
      ["a producer's close", ({ storage }) => {
        const { producer } = BATCH;
        return storage.append("s", { body: NO_BYTES, close: true, producer });
      }],
    ] as readonly (readonly [string, (subject: Subject) => Promise<unknown>])[]
  ) {
    it(`a TTL slides with ${use}`, async (subject) => {
      const { storage, clock } = subject;
      await storage.create("s", { contentType: TEXT, lifetime: TTL, body: encodeUtf8("x") });
      clock.advance(60_000);
      await run(subject);
      clock.advance(99_000);
      await storage.head("s");
      clock.advance(1_500);
      await rejectsWith(storage.head("s"), "not_found");
    });
  }

  it("a TTL slides with a producer's duplicate, and not with what is refused", async ({ storage, streams, clock }) => {
    await storage.create("s", { contentType: TEXT, lifetime: TTL });
    await storage.append("s", BATCH);
    clock.advance(60_000);
    equal((await storage.append("s", BATCH)).duplicate, true);
    clock.advance(90_000);
    await rejectsWith(streams.json("s", "1"), "content_type_mismatch");
    clock.advance(11_500);
    await rejectsWith(storage.head("s"), "not_found");
  });

  it("a TTL that a fork inherits slides on its own", async ({ storage, streams, clock }) => {
    await storage.create("s", { contentType: TEXT, lifetime: TTL, body: encodeUtf8("abc") });
    clock.advance(60_000);
    await storage.create("f", { fork: { source: "s" } });
    clock.advance(60_000);
    await rejectsWith(storage.head("s"), "gone");
    equal(await streams.all("f"), "abc");
    clock.advance(101_500);
    await rejectsWith(storage.head("f"), "not_found");
  });
}

function until(clock: ManualClock): Lifetime {
  return { kind: "until", expiresAtMs: clock.nowMs() + 100_000 };
}

/** Expiry at a moment, by the injected clock. */
export function describeExpiry(it: It): void {
  it("a stream with an end ends then, whatever is done with it", async ({ storage, streams, clock }) => {
    const expiresAtMs = clock.nowMs() + 100_000;
    await storage.create("s", { contentType: TEXT, lifetime: { kind: "until", expiresAtMs } });
    equal((await storage.head("s")).expiresAtMs, expiresAtMs);
    clock.advance(90_000);
    await streams.text("s", "x");
    clock.advance(10_001);
    await rejectsWith(storage.head("s"), "not_found");
  });

  it("a stream whose end is in the past isn't made", async ({ storage, clock }) => {
    const expiresAtMs = clock.nowMs() - 1;
    await storage.create("s", { contentType: TEXT, lifetime: { kind: "until", expiresAtMs } });
    await rejectsWith(storage.head("s"), "not_found");
  });

  it("the name of an expired stream is free", async ({ storage, streams, clock }) => {
    const body = encodeUtf8("old");
    await storage.create("s", { contentType: TEXT, lifetime: until(clock), body });
    const { id } = await storage.head("s");
    clock.advance(200_000);
    const created = await storage.create("s", { contentType: JSON_TYPE });
    equal([created.created, created.tail], [true, 0]);
    equal(await streams.all("s"), "");
    equal((await storage.head("s")).id === id, false);
  });

  it("an expired stream stays expired, whatever the clock does", async ({ storage, clock }) => {
    const expiresAtMs = clock.nowMs() + 1000;
    await storage.create("s", { contentType: TEXT, lifetime: { kind: "until", expiresAtMs } });
    clock.advance(1_001);
    await rejectsWith(storage.head("s"), "not_found");
    clock.advance(-5);
    await rejectsWith(storage.head("s"), "not_found");
  });

  it("an expired source stays for its forks", async ({ storage, streams, clock }) => {
    await storage.create("s", {
      contentType: TEXT,
      lifetime: until(clock),
      body: encodeUtf8("abc"),
    });
    await storage.create("f", { fork: { source: "s" }, lifetime: { kind: "forever" } });
    clock.advance(200_000);
    await rejectsWith(storage.head("s"), "gone");
    equal(await streams.all("f"), "abc");
    await storage.delete("f");
    await rejectsWith(storage.head("s"), "not_found");
  });

  it("an expired fork lets its deleted source go", async ({ storage, clock }) => {
    await storage.create("s", { contentType: TEXT });
    await storage.create("f", { fork: { source: "s" }, lifetime: until(clock) });
    await storage.delete("s");
    clock.advance(200_000);
    await rejectsWith(storage.head("f"), "not_found");
    await rejectsWith(storage.head("s"), "not_found");
  });

  it("a fork's lifetime is the one asked for, else its source's", async ({ storage, clock }) => {
    const ttl = (ttlSeconds: number): Lifetime => ({ kind: "ttl", ttlSeconds });
    const forever: Lifetime = { kind: "forever" };
    const soon: Lifetime = { kind: "until", expiresAtMs: clock.nowMs() + 3_600_000 };
    const late: Lifetime = { kind: "until", expiresAtMs: clock.nowMs() + 86_400_000 };
    const asks: (Lifetime | undefined)[] = [undefined, forever, ttl(3600), ttl(7200), soon, late];
    // PROTOCOL §4.2's table: the source's, and what is asked for.
    for (const lifetime of [forever, ttl(3600), soon]) {
      await storage.create("s", { contentType: TEXT, lifetime });
      for (const asked of asks) {
        const spec = { fork: { source: "s" }, ...(asked === undefined ? {} : { lifetime: asked }) };
        await storage.create("f", spec);
        equal((await storage.head("f")).lifetime, asked ?? lifetime);
        equal((await storage.create("f", spec)).created, false);
        await rejectsWith(storage.create("f", { ...spec, lifetime: ttl(1) }), "stream_exists");
        await storage.delete("f");
      }
      await storage.delete("s");
    }
  });
}
