import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { type Bytes, decodeUtf8, encodeUtf8 } from "../../src/protocol/bytes.ts";
import type { KeptSnapshot, SnapshotSpec } from "../../src/storage/snapshot_store.ts";
import { type It, JSON_TYPE, type Subject, TEXT } from "./kit.ts";
import { snapshotsOf } from "./stepped_storage.ts";

/** Longer than any buffer on its way. */
const LONG_BYTES = 300_000;

function put(
  { storage }: Subject,
  name: string,
  text: string,
  spec: Partial<SnapshotSpec> = {},
): Promise<KeptSnapshot> {
  const body = encodeUtf8(text);
  return snapshotsOf(storage).put(name, { offset: 0, contentType: TEXT, body, ...spec });
}

/** What a stream's snapshot is, and of which position. */
async function get({ storage }: Subject, name: string): Promise<[string, number]> {
  const { body, position, bytes } = await snapshotsOf(storage).get(name);
  equal(bytes, body.length);
  return [decodeUtf8(body), position];
}

async function hasNone({ storage }: Subject, name: string): Promise<void> {
  await rejects(snapshotsOf(storage).get(name), { code: "snapshot_not_found" });
  await rejects(snapshotsOf(storage).head(name), { code: "snapshot_not_found" });
}

function longBytes(seed: number): Bytes {
  return Uint8Array.from({ length: LONG_BYTES }, (_, i) => (i * 31 + (i >> 8) * seed) & 0xff);
}

/** Snapshots of streams. */
export function describeSnapshots(it: It): void {
  describeKeeping(it);
  describeOffsetsOfSnapshots(it);
  describeEnds(it);
}

function describeKeeping(it: It): void {
  it("a stream keeps the newest snapshot only, until that is deleted", async (subject) => {
    const { storage, streams, clock } = subject;
    await storage.create("a", { contentType: TEXT });
    await hasNone(subject, "a");
    await streams.text("a", "one");
    const first = await put(subject, "a", "1", { offset: 3 });
    ok(first.isFirst);
    equal(await get(subject, "a"), ["1", 3]);
    await streams.text("a", "two");
    clock.advance(5);
    const second = await put(subject, "a", "1 and 2", { offset: 6, contentType: "text/html" });
    equal(second.isFirst, false);
    ok(second.number > first.number);
    equal(await get(subject, "a"), ["1 and 2", 6]);
    const { isFirst: _, ...info } = second;
    equal(await snapshotsOf(storage).head("a"), info);
    equal([info.contentType, info.bytes, info.position], ["text/html", 7, 6]);
    ok(info.atMs >= first.atMs + 5);
    await snapshotsOf(storage).delete("a");
    await hasNone(subject, "a");
    await rejects(snapshotsOf(storage).delete("a"), { code: "snapshot_not_found" });
    ok((await put(subject, "a", "again", { offset: 0 })).isFirst);
    equal(await get(subject, "a"), ["again", 0]);
  });

  it("a snapshot's content comes back byte by byte, also an empty one", async (subject) => {
    const { storage } = subject;
    await storage.create("a", { contentType: TEXT });
    for (const seed of [1, 2, 3]) {
      const body = longBytes(seed);
      await put(subject, "a", "", { body, contentType: "application/x-state" });
      equal((await snapshotsOf(storage).get("a")).body, body);
    }
    await put(subject, "a", "");
    equal(await get(subject, "a"), ["", 0]);
  });

  it("snapshots of several streams don't meet, and appends go on beside them", async (subject) => {
    const { storage, streams } = subject;
    const names = ["a", "b", "c", "d"];
    for (const name of names) await storage.create(name, { contentType: TEXT });
    for (let round = 1; round <= 3; round++) {
      for (const name of names) {
        await streams.text(name, "x");
        await put(subject, name, `${name}${round}`, { offset: round });
      }
    }
    for (const name of names) {
      equal(await get(subject, name), [`${name}3`, 3]);
      equal(await streams.all(name), "xxx");
    }
  });

  it("of snapshots kept at once one stays, and each answer is of one that was kept", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("a", { contentType: TEXT });
    await streams.text("a", "0123456789");
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => put(subject, "a", `up to ${i}`, { offset: i })),
    );
    const last = outcomes.findLastIndex(({ status }) => status === "fulfilled");
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") equal(outcome.reason.code, "snapshot_regression");
    }
    equal(await get(subject, "a"), [`up to ${last}`, last]);
  });
}

function describeOffsetsOfSnapshots(it: It): void {
  it("an older snapshot than the one that is kept is refused, one of the same offset isn't", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("a", { contentType: TEXT });
    await streams.text("a", "abc");
    await put(subject, "a", "two", { offset: 2 });
    await rejects(put(subject, "a", "one", { offset: 1 }), { code: "snapshot_regression" });
    equal(await get(subject, "a"), ["two", 2]);
    await put(subject, "a", "two again", { offset: 2 });
    equal(await get(subject, "a"), ["two again", 2]);
  });

  it("a snapshot is of an offset up to the tail that a message ends at", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("a", { contentType: JSON_TYPE });
    await streams.json("a", '["one", "two", "three"]');
    await rejects(put(subject, "a", "", { offset: 24 }), { code: "offset_past_tail" });
    await rejects(put(subject, "a", "", { offset: 4 }), { code: "invalid_offset" });
    await rejects(put(subject, "a", "", { subOffset: 4 }), { code: "offset_past_tail" });
    equal((await put(subject, "a", "", { offset: 7 })).position, 7);
    equal((await put(subject, "a", "", { subOffset: 2 })).position, 14);
    equal((await put(subject, "a", "", { offset: 14, subOffset: 1 })).position, 23);
  });

  it("a snapshot of another stream's offset is refused", async (subject) => {
    const { storage } = subject;
    await storage.create("a", { contentType: TEXT });
    const { space } = await storage.head("a");
    await storage.delete("a");
    await storage.create("a", { contentType: TEXT });
    ok(typeof space === "number");
    const old = { space, position: 0 };
    await rejects(put(subject, "a", "", { offset: old }), { code: "offset_gone" });
  });
}

function describeEnds(it: It): void {
  it("a snapshot goes with its stream, and the next one of its name has none", async (subject) => {
    const { storage } = subject;
    await rejects(put(subject, "a", ""), { code: "not_found" });
    await rejects(snapshotsOf(storage).get("a"), { code: "not_found" });
    await storage.create("a", { contentType: TEXT });
    await put(subject, "a", "state");
    await storage.delete("a");
    await rejects(snapshotsOf(storage).get("a"), { code: "not_found" });
    await storage.create("a", { contentType: TEXT });
    await hasNone(subject, "a");
  });

  it("a fork has none of its source's, and a source that is only kept for forks has none", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("a", { contentType: TEXT });
    await streams.text("a", "abc");
    await put(subject, "a", "state", { offset: 3 });
    await storage.create("fork", { fork: { source: "a" } });
    await hasNone(subject, "fork");
    await storage.delete("a");
    await rejects(snapshotsOf(storage).get("a"), { code: "gone" });
    await rejects(put(subject, "a", "more", { offset: 3 }), { code: "gone" });
    await put(subject, "fork", "the fork's", { offset: 3 });
    equal(await get(subject, "fork"), ["the fork's", 3]);
  });

  it("a closed stream takes snapshots", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("a", { contentType: TEXT });
    await streams.text("a", "abc");
    await streams.close("a");
    await put(subject, "a", "all of it", { offset: 3 });
    equal(await get(subject, "a"), ["all of it", 3]);
  });
}

/** Streams that keep what lies behind their snapshots. */
export function describeTrimmedToSnapshot(it: It): void {
  it("what lies before the newest snapshot goes where the stream is kept to it", async (subject) => {
    const { storage, streams, clock } = subject;
    await storage.create("a", { contentType: JSON_TYPE });
    for (let i = 0; i < 4; i++) await streams.json("a", JSON.stringify("x".repeat(5000)));
    await storage.update?.("a", { retention: { toSnapshot: true } });
    const { tail } = await storage.head("a");
    await put(subject, "a", "half", { offset: tail / 2 });
    await settled(clock, async () => (await storage.head("a")).earliest === tail / 2);
    equal((await snapshotsOf(storage).get("a")).position, tail / 2);
    await rejects(put(subject, "a", "older", { offset: 0 }), { code: "offset_trimmed" });
    // One that is deleted keeps what is there.
    await snapshotsOf(storage).delete("a");
    clock.advance(10_000);
    equal((await storage.head("a")).earliest, tail / 2);
  });
}

/** As time goes on: what goes on in the background, also of a storage that begins anew with each step. */
async function settled(clock: Subject["clock"], isDone: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    if (await isDone()) return;
    clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error("It doesn't come to an end.");
}
