import { deepEqual, equal, ok } from "node:assert/strict";
import { createMemoryStorage } from "../../../../src/storage/memory.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { checkpoint, machine, outcome, put, rest } from "../../../crash/kit.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import type { Machine } from "../../../support/simulation/machine.ts";

/** Streams that nobody asks for any more go as fast as they come. */

const SECOND = { lifetime: { kind: "ttl", ttlSeconds: 1 } } as const;
const TEN = { lifetime: { kind: "ttl", ttlSeconds: 10 } } as const;
const OPTIONS = { walBytes: 4 * 1024 * 1024 };

function rows(on: Machine): number {
  return [...on.database.tables?.streams() ?? []].length;
}

/** So many creates a second for so many seconds. */
async function createFor(
  seconds: number,
  perSecond: number,
  { storage, clock }: { storage: Storage; clock: ManualClock },
  look: () => void,
): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    const made = Array.from(
      { length: perSecond },
      (_, i) => put(storage, `${second}/${i}`, "text", SECOND),
    );
    await Promise.all(made);
    clock.advance(1000);
    await rest(20);
    look();
  }
}

Deno.test("a hundred creates a second with a TTL of a second leave some hundreds, and not all", async () => {
  const on = machine();
  const storage = await on.open(OPTIONS);
  let most = 0;
  await createFor(165, 100, { storage, clock: on.clock }, () => {
    most = Math.max(most, rows(on), storage.status().figures.loadedStreams);
  });
  ok(most <= 500, `${most} streams at once`);
  for (let i = 0; i < 3; i++) await checkpoint(on);
  deepEqual([rows(on), storage.status().figures.loadedStreams], [0, 0]);
});

Deno.test("in memory they don't pile up either", async () => {
  const clock = new ManualClock();
  const storage = createMemoryStorage({ clock });
  let most = 0;
  await createFor(60, 100, { storage, clock }, () => {
    most = Math.max(most, storage.status().figures.loadedStreams);
  });
  ok(most <= 300, `${most} streams at once`);
  await storage.close();
});

Deno.test("in memory one that is watched or used stays, and goes after that", async () => {
  const clock = new ManualClock();
  const storage = createMemoryStorage({ clock });
  await put(storage, "watched", "", TEN);
  await put(storage, "used", "", TEN);
  const watch = await storage.watch("watched", () => {});
  const loaded = async () => {
    clock.advance(8000);
    await storage.read("used", 0, 10).catch(() => {});
    await put(storage, `other${clock.nowMs()}`);
    await rest(5);
    return (await storage.list({ limit: 100, prefix: "" })).streams
      .map(({ name }) => name).filter((name) => !name.startsWith("other"));
  };
  for (let i = 0; i < 4; i++) deepEqual(await loaded(), ["used", "watched"]);
  watch.cancel();
  deepEqual(await loaded(), ["used", "watched"]);
  deepEqual(await loaded(), ["used"]);
  await storage.close();
});

Deno.test("rows of streams that are still used or watched keep no others from their end", async () => {
  const on = machine();
  const storage = await on.open(OPTIONS);
  const live = Array.from({ length: 1500 }, (_, i) => `live/${i}`);
  await Promise.all(live.map((name) => put(storage, name, "", TEN)));
  const watches = await Promise.all(live.map((name) => storage.watch(name, () => {})));
  await checkpoint(on);
  const ends = Array.from({ length: 700 }, (_, i) => `ends/${i}`);
  await Promise.all(
    ends.map((name) => put(storage, name, "", { lifetime: { kind: "ttl", ttlSeconds: 100 } })),
  );
  for (let i = 0; i < 5; i++) await checkpoint(on);
  equal(storage.status().figures.loadedStreams, live.length);
  equal(await outcome(storage.head("ends/0")), "not_found");
  for (const name of live) equal((await storage.head(name)).tail, 0);
  for (const watch of watches) watch.cancel();
  for (let i = 0; i < 3; i++) await checkpoint(on);
  equal(rows(on), 0);
});

Deno.test("streams that were used after they were stored go when they aren't any more", async () => {
  const on = machine();
  const storage = await on.open(OPTIONS);
  await put(storage, "used", "text", TEN);
  on.clock.advance(5000);
  await rest();
  await storage.read("used", 0, 10);
  for (let i = 0; i < 8; i++) {
    on.clock.advance(5000);
    await rest(20);
    await storage.read("used", 0, 10);
  }
  for (let second = 0; second < 12; second++) {
    on.clock.advance(1000);
    await rest(5);
  }
  equal(storage.status().figures.loadedStreams, 0);
});

Deno.test("what has expired while no server ran goes after the start, all of it", async () => {
  const on = machine();
  const before = await on.open(OPTIONS);
  const names = Array.from({ length: 3000 }, (_, i) => `${i}`);
  await Promise.all(names.map((name) => put(before, name, "", TEN)));
  await before.close();
  on.end("kill");
  on.clock.advance(60_000);
  await on.open(OPTIONS);
  on.clock.advance(1000);
  await rest(2000);
  for (let i = 0; i < 3; i++) await checkpoint(on);
  equal(rows(on), 0);
});
