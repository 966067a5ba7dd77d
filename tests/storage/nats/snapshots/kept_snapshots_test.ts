import { deepStrictEqual as equal, ok } from "node:assert";
import { type Bytes, decodeUtf8, encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { SnapshotStore } from "../../../../src/storage/snapshot_store.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { Streams, TEXT } from "../../../contract/kit.ts";
import { snapshotsOf } from "../../../contract/stepped_storage.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { closedGate } from "../../../support/nats/delay.ts";
import { FrontEnds } from "../../../support/nats/front_ends.ts";
import { matchesSubject } from "../../../support/nats/subject_pattern.ts";

const MESSAGE_LIMIT_BYTES = 4096;
const LONG = encodeUtf8("0123456789".repeat(2000));
const HOUR_MS = 3_600_000;

/** Registers a test on front ends of a made-up cluster. */
function it(name: string, run: (frontEnds: FrontEnds) => Promise<void>): void {
  Deno.test(`nats: ${name}`, async () => {
    const frontEnds = new FrontEnds({ messageLimitBytes: MESSAGE_LIMIT_BYTES });
    try {
      await run(frontEnds);
    } finally {
      await frontEnds.dispose();
    }
  });
}

function put(store: SnapshotStore, offset: number, body: Bytes) {
  return store.put("s", { offset, contentType: TEXT, body });
}

async function textOf(store: SnapshotStore): Promise<string> {
  return decodeUtf8((await store.get("s")).body).slice(0, 20);
}

/** The subjects of parts that there are. */
function partsLeft({ cluster }: FrontEnds): string[] {
  return [...cluster.log("DS_DATA_1")?.leader.subjects() ?? []]
    .filter((subject) => matchesSubject("ds.s.1.*.b.*.*", subject));
}

/** A stream of ten bytes; its snapshots. */
async function makeStream({ storage }: { storage: Storage }): Promise<SnapshotStore> {
  await storage.create("s", { contentType: TEXT, body: encodeUtf8("0123456789") });
  return snapshotsOf(storage);
}

it("a body is as many messages as it takes, and what it took the place of goes", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  const inA = await makeStream(a);
  const inB = snapshotsOf(b.storage);
  const first = await put(inA, 1, LONG);
  equal(partsLeft(frontEnds).length, 5);
  equal((await inB.get("s")).body, LONG);
  const second = await put(inB, 1, LONG.subarray(0, 4064));
  ok(second.number > first.number && !second.isFirst);
  await frontEnds.turns();
  equal(partsLeft(frontEnds), [`ds.s.1.1.b.${second.number}.0`]);
  equal((await inA.get("s")).bytes, 4064);
  await inA.delete("s");
  await frontEnds.turns();
  equal(partsLeft(frontEnds), []);
  await put(inA, 5, LONG);
  await b.storage.delete("s");
  await frontEnds.turns();
  equal(partsLeft(frontEnds), []);
});

it("the body of a stream goes when only forks keep the stream", async (frontEnds) => {
  const a = await frontEnds.open();
  const store = await makeStream(a);
  await put(store, 1, LONG);
  await a.storage.create("f", { fork: { source: "s" } });
  await a.storage.delete("s");
  await frontEnds.turns();
  equal(partsLeft(frontEnds), []);
});

it("a body that was begun before the one that was kept meanwhile is written anew", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  const inA = await makeStream(a);
  const inB = snapshotsOf(b.storage);
  await put(inA, 0, encodeUtf8("old"));
  const gate = closedGate();
  frontEnds.cluster.script.nextPublish(
    { kind: "held", at: "answer", until: gate.opened },
    { by: b.jetStream, subject: "ds.s.1.1.b.*.1" },
  );
  const late = put(inB, 2, LONG);
  await frontEnds.turns();
  await put(inA, 1, encodeUtf8("meanwhile"));
  await frontEnds.turns();
  equal(await textOf(inA), "meanwhile");
  gate.open();
  await frontEnds.within(late);
  equal((await inA.get("s")).body, LONG);
  await frontEnds.turns();
  equal(partsLeft(frontEnds).length, 5);
});

it("a snapshot that is named late, though its put was given up, is whole", async (frontEnds) => {
  const [a, b] = [await frontEnds.open({ writeLimitMs: 1000 }), await frontEnds.open()];
  const inA = await makeStream(a);
  await put(inA, 0, encodeUtf8("old"));
  const gate = closedGate();
  const { script } = frontEnds.cluster;
  script.nextPublish({ kind: "arrives_late", after: gate.opened }, { subject: "ds.d.1.1" });
  for (let i = 0; i < 9; i++) {
    script.nextPublish({ kind: "message_lost" }, { subject: "ds.d.1.1" });
  }
  await rejectsWith(frontEnds.within(put(inA, 1, LONG)), "storage_unreachable");
  const inB = snapshotsOf(b.storage);
  equal(await textOf(inB), "old");
  gate.open();
  await frontEnds.turns();
  equal((await frontEnds.within(inB.get("s"))).body, LONG);
});

it("without the cluster nothing is kept, and what was there stays", async (frontEnds) => {
  const a = await frontEnds.open();
  const store = await makeStream(a);
  await put(store, 1, encodeUtf8("old"));
  frontEnds.cluster.loseQuorum({ isSilent: false });
  await rejectsWith(frontEnds.within(put(store, 2, LONG)), "storage_unreachable");
  await rejectsWith(frontEnds.within(store.get("s")), "storage_unreachable");
  frontEnds.cluster.regainQuorum();
  equal(await textOf(store), "old");
});

it("a part that isn't on a replica is read from the leader; one that is nowhere is a damage", async (frontEnds) => {
  const a = await frontEnds.open();
  const store = await makeStream(a);
  const { number } = await put(store, 1, LONG);
  const log = frontEnds.cluster.log("DS_DATA_1");
  frontEnds.clock.advance(1000);
  const part = `ds.s.1.1.b.${number}.3`;
  const sequence = log?.leader.newest(part, frontEnds.clock.nowMs())?.sequence ?? 0;
  for (const replica of [1, 2]) log?.damage(replica, sequence);
  equal((await store.get("s")).body, LONG);
  await a.jetStream.purge("DS_DATA_1", part, sequence);
  await rejectsWith(frontEnds.within(store.get("s")), "damaged", /snapshot \d+ are missing/);
  // The next one takes its place.
  await put(store, 1, encodeUtf8("new"));
  equal(await textOf(store), "new");
});

it("what a front end left that came to a stand is swept, of a stream that is there and of one that is gone", async (frontEnds) => {
  const a = await frontEnds.open();
  const store = await makeStream(a);
  await put(store, 1, encodeUtf8("old"));
  await a.storage.create("t", { contentType: TEXT });
  const dying = await frontEnds.open();
  const never = new Promise<void>(() => {});
  for (const name of ["s", "t"]) {
    const { id } = await a.storage.head(name);
    frontEnds.cluster.script.nextPublish(
      { kind: "held", at: "request", until: never },
      { by: dying.jetStream, subject: `ds.s.1.${id}.b.*.3` },
    );
    const spec = { offset: name === "s" ? 1 : 0, contentType: TEXT, body: LONG };
    void snapshotsOf(dying.storage).put(name, spec)
      .catch(() => {});
  }
  await frontEnds.turns();
  await a.storage.delete("t");
  await frontEnds.turns();
  equal(partsLeft(frontEnds).length, 9);
  const { tail } = await a.storage.head("s");
  await frontEnds.pass(10 * HOUR_MS, 60_000);
  equal(partsLeft(frontEnds).length, 1);
  equal(await textOf(store), "old");
  equal((await a.storage.head("s")).tail, tail);
});

it("a snapshot outlives the messages that said so: a state of the stream has it", async (frontEnds) => {
  const a = await frontEnds.open({ snapshotMessages: 3 });
  const store = await makeStream(a);
  await put(store, 3, LONG);
  const streams = new Streams(a.storage);
  for (let i = 0; i < 8; i++) await streams.text("s", "x");
  const b = await frontEnds.open();
  const { calls } = b;
  calls.clear();
  const { position, bytes } = await snapshotsOf(b.storage).head("s");
  equal([position, bytes], [3, LONG.length]);
  // As is what bodies may begin at.
  await snapshotsOf(b.storage).delete("s");
  for (let i = 0; i < 8; i++) await streams.text("s", "x");
  const c = snapshotsOf((await frontEnds.open()).storage);
  await rejectsWith(c.head("s"), "snapshot_not_found");
  ok((await put(c, 4, LONG)).isFirst);
});
