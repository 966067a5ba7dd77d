import { deepStrictEqual as equal } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import type { Lifetime } from "../../src/protocol/lifetime.ts";
import { rejectsWith } from "../support/expect.ts";
import type { ManualClock } from "../support/manual_clock.ts";
import { type It, JSON_TYPE, TEXT } from "./kit.ts";

const TTL = { kind: "ttl", ttlSeconds: 100 } as const;

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
}
