import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { encodeMessage } from "../../../src/storage/nats/format/message.ts";
import { encodeNameEntry } from "../../../src/storage/nats/format/name_record.ts";
import { JSON_TYPE, Streams, TEXT } from "../../contract/kit.ts";
import { rejectsWith } from "../../support/expect.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { closedGate } from "../../support/nats/delay.ts";
import { AT_ONCE_TIMES } from "../../support/nats/faults.ts";
import { FrontEnds } from "../../support/nats/front_ends.ts";

/** Registers a test on front ends of a made-up cluster. */
function it(
  name: string,
  run: (frontEnds: FrontEnds) => Promise<void>,
  options: ConstructorParameters<typeof FrontEnds>[0] = {},
): void {
  Deno.test(`nats: ${name}`, async () => {
    const frontEnds = new FrontEnds(options);
    try {
      await run(frontEnds);
    } finally {
      await frontEnds.dispose();
    }
  });
}

it("appends that wait for one stream go together", async (frontEnds) => {
  const { storage, calls } = await frontEnds.open();
  await storage.create("s", { contentType: TEXT });
  calls.clear();
  const streams = new Streams(storage);
  await Promise.all(Array.from({ length: 500 }, (_, i) => streams.text("s", `${i},`)));
  ok((calls.get("publish") ?? 0) <= 3, `${calls.get("publish")} messages`);
  equal((await streams.all("s")).split(",").length, 501);
  const { commands, cluster } = storage.measure?.() ?? {};
  equal([commands?.appends, commands?.created], [500, 1]);
  ok(cluster !== undefined && cluster.stored < 10 && cluster.cachedBytes > 0);
});

it("measures look at each subscription only where that is asked for", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  const none = storage.measure?.().subscriptions;
  let looks = 0;
  Object.assign(storage.subscriptions ?? {}, { measure: () => (looks++, none) });
  const measures = storage.measure?.();
  equal(looks, 0);
  equal(measures?.subscriptions, none);
  equal(looks, 1);
});

it("a group is no longer than it may be", async (frontEnds) => {
  const { storage, calls } = await frontEnds.open({ groupBytes: 1000 });
  await storage.create("s", { contentType: TEXT });
  calls.clear();
  const streams = new Streams(storage);
  await Promise.all(Array.from({ length: 50 }, () => streams.text("s", "x".repeat(100))));
  ok((calls.get("publish") ?? 0) >= 6, `${calls.get("publish")} messages`);
  equal(await streams.all("s"), "x".repeat(5000));
});

it("a group fills a message to its last byte, and no further", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  await storage.create("s", { contentType: TEXT });
  const streams = new Streams(storage);
  let whole = "";
  for (let more = 0; more < 20; more++) {
    const texts = ["x".repeat(2000), "y".repeat(2015 + more)];
    await Promise.all(texts.map((text) => streams.text("s", text)));
    whole += texts.join("");
  }
  equal(await streams.all("s"), whole);
}, { messageLimitBytes: 4096 });

it("what another front end has done is seen by the next call", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  const [inA, inB] = [new Streams(a.storage), new Streams(b.storage)];
  await a.storage.create("s", { contentType: TEXT });
  for (let i = 0; i < 10; i++) {
    await inA.text("s", "a");
    equal((await b.storage.head("s")).tail, 2 * i + 1);
    await frontEnds.within(inB.text("s", "b"), 1);
    equal((await inA.all("s")).length, 2 * i + 2);
  }
  await b.storage.delete("s");
  await rejectsWith(a.storage.head("s"), "not_found");
  await b.storage.create("s", { contentType: TEXT, body: encodeUtf8("new") });
  await inA.text("s", "!");
  equal(await inB.all("s"), "new!");
});

it("front ends that write to one stream at once leave one order", async (frontEnds) => {
  const all = await Promise.all([1, 2, 3].map(() => frontEnds.open()));
  const [first] = all;
  ok(first !== undefined);
  await first.storage.create("s", { contentType: TEXT });
  await frontEnds.within(
    Promise.all(all.map(async ({ storage }, i) => {
      for (let n = 0; n < 20; n++) {
        const producer = { id: `p${i}`, epoch: 0, seq: n };
        const body = encodeUtf8(`${i}${String(n).padStart(2, "0")};`);
        await storage.append("s", { contentType: TEXT, body, producer });
      }
    })),
    1,
  );
  const texts = await Promise.all(all.map(({ storage }) => new Streams(storage).all("s")));
  equal(new Set(texts).size, 1);
  const found = texts[0]?.split(";").slice(0, -1) ?? [];
  equal(found.length, 60);
  for (let i = 0; i < 3; i++) {
    const own = found.filter((text) => text.startsWith(`${i}`));
    equal(own, [...own].sort());
  }
});

it("who watches is told of what other front ends write, though a notice is lost", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  await a.storage.create("s", { contentType: TEXT });
  let wakes = 0;
  const watch = await b.storage.watch("s", () => wakes++);
  await new Streams(a.storage).text("s", "1");
  await frontEnds.turns();
  equal(wakes, 1);
  frontEnds.cluster.script.loseNotice({ by: b.jetStream });
  await new Streams(a.storage).text("s", "2");
  await frontEnds.turns();
  equal(wakes, 1);
  await frontEnds.pass(15_000);
  equal(wakes, 2);
  // A connection that was lost says so once it is back.
  b.jetStream.disconnect();
  await new Streams(a.storage).text("s", "3");
  b.jetStream.reconnect();
  await frontEnds.turns();
  equal(wakes, 3);
  watch.cancel();
  await new Streams(a.storage).text("s", "4");
  await frontEnds.turns();
  equal(wakes, 3);
});

it("without a quorum everything is refused for now, and goes on afterwards", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  const streams = new Streams(storage);
  await storage.create("s", { contentType: TEXT, body: encodeUtf8("a") });
  for (const isSilent of [false, true]) {
    frontEnds.cluster.loseQuorum({ isSilent });
    const calls = [
      streams.text("s", "b"),
      storage.head("s"),
      storage.read("s", 0, 4096),
      storage.create("t", {}),
      storage.delete("s"),
      storage.watch("s", () => {}),
    ];
    await frontEnds.within(
      Promise.all(calls.map((call) => rejectsWith(call, "storage_unreachable"))),
      100,
    );
    equal(storage.status().state, "unreachable");
    ok(/quorum|answer/i.test(storage.status().reason ?? ""), storage.status().reason);
    frontEnds.cluster.regainQuorum();
    await frontEnds.turns();
    // Nobody writes, and it is found out all the same.
    await frontEnds.pass(3000);
    equal(storage.status().state, "ok");
    const { tail } = await frontEnds.within(streams.text("s", "c"));
    equal((await storage.head("s")).tail, tail);
  }
}, { times: { ...AT_ONCE_TIMES, answerLimitMs: 2000 } });

it("an append whose answer was lost is answered once, and stored once", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  const streams = new Streams(storage);
  await storage.create("s", { contentType: TEXT });
  for (let i = 0; i < 5; i++) {
    frontEnds.cluster.script.nextPublish({ kind: "answer_lost" }, { subject: "ds.d.>" });
    equal((await frontEnds.within(streams.text("s", `${i}`))).tail, i + 1);
  }
  equal(await streams.all("s"), "01234");
});

it("an append that was never stored isn't acknowledged, and its place goes to another", async (frontEnds) => {
  const { storage } = await frontEnds.open({ unavailableLimitMs: 1000 });
  const streams = new Streams(storage);
  await storage.create("s", { contentType: TEXT });
  frontEnds.cluster.script.nextPublish({ kind: "full" }, { subject: "ds.d.>" });
  await rejectsWith(streams.text("s", "x"), "storage_full");
  frontEnds.cluster.script.nextPublish({ kind: "rejected" }, { subject: "ds.d.>" });
  await rejectsWith(streams.text("s", "x"), "storage_failed");
  await streams.text("s", "y");
  equal(await streams.all("s"), "y");
});

it("a message that a replica lacks is read elsewhere", async (frontEnds) => {
  const a = await frontEnds.open();
  await a.storage.create("s", { contentType: TEXT });
  for (let i = 0; i < 9; i++) await new Streams(a.storage).text("s", `${i}`);
  const log = frontEnds.cluster.log("DS_DATA_1");
  ok(log !== undefined);
  for (const replica of [1, 2]) for (const sequence of [4, 7, 10]) log.damage(replica, sequence);
  const b = await frontEnds.open({ messageCacheBytes: 0 });
  equal(await frontEnds.within(new Streams(b.storage).all("s")), "012345678");
  equal(await frontEnds.within(new Streams(b.storage).all("s", 2)), "2345678");
});

it("a message that is lost everywhere makes a stream damaged, never shorter", async (frontEnds) => {
  const a = await frontEnds.open();
  await a.storage.create("s", { contentType: TEXT });
  for (let i = 0; i < 9; i++) await new Streams(a.storage).text("s", `${i}`);
  const log = frontEnds.cluster.log("DS_DATA_1");
  ok(log !== undefined);
  log.damage(1, 5);
  log.damage(2, 5);
  log.leader.damage(5);
  const b = await frontEnds.open();
  await rejectsWith(frontEnds.within(b.storage.head("s")), "damaged");
  await rejectsWith(frontEnds.within(new Streams(b.storage).text("s", "x")), "damaged");
  equal(b.storage.status().damagedStreams?.map(({ name }) => name), ["s"]);
});

it("a stream whose newest messages the cluster has lost is damaged where that is known", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  await storage.create("s", { contentType: TEXT, body: encodeUtf8("a") });
  await new Streams(storage).text("s", "b");
  const log = frontEnds.cluster.log("DS_DATA_1");
  ok(log !== undefined);
  for (const replica of [1, 2]) log.damage(replica, 2);
  log.leader.damage(2);
  await rejectsWith(frontEnds.within(storage.head("s"), 100), "damaged", /has lost it/);
});

it("a state is loaded from its snapshot and few messages", async (frontEnds) => {
  const a = await frontEnds.open({ snapshotMessages: 10 });
  await a.storage.create("s", { contentType: TEXT });
  for (let i = 0; i < 105; i++) {
    const producer = { id: `p${i % 7}`, epoch: 0, seq: Math.floor(i / 7) };
    const body = encodeUtf8("x");
    await a.storage.append("s", { contentType: TEXT, body, producer, seq: String(1000 + i) });
  }
  await frontEnds.turns();
  const reads: number[] = [];
  const b = await frontEnds.open();
  const messages = b.jetStream.messages.bind(b.jetStream);
  b.jetStream.messages = async (query) => {
    const found = await messages(query);
    if (query.subject.startsWith("ds.d.")) reads.push(found.length);
    return found;
  };
  equal((await b.storage.head("s")).tail, 105);
  ok(reads.reduce((sum, count) => sum + count, 0) <= 10, `${reads} messages were read`);
  const again = { id: "p6", epoch: 0, seq: 14 };
  const body = encodeUtf8("x");
  const { duplicate } = await b.storage.append("s", { contentType: TEXT, body, producer: again });
  equal(duplicate, true);
  await rejectsWith(
    b.storage.append("s", { contentType: TEXT, body, seq: "1104" }),
    "sequence_regression",
  );
});

it("an offset is found by few questions", async (frontEnds) => {
  const a = await frontEnds.open();
  await a.storage.create("s", { contentType: TEXT });
  for (let i = 0; i < 2000; i++) {
    await new Streams(a.storage).text("s", "x".repeat(1 + (i * 7919) % 50));
  }
  const b = await frontEnds.open({ messageCacheBytes: 0 });
  const { tail } = await b.storage.head("s");
  for (const part of [0.01, 0.3, 0.5, 0.77, 0.99]) {
    b.calls.clear();
    await b.storage.read("s", Math.floor(tail * part), 1);
    ok((b.calls.get("messages") ?? 0) <= 16, `${b.calls.get("messages")} questions`);
  }
});

it("a body longer than a message is stored whole, and read whole", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  const other = await frontEnds.open({ messageCacheBytes: 0 });
  const text = Array.from({ length: 5000 }, (_, i) => `${i},`).join("");
  await storage.create("s", { contentType: TEXT });
  await new Streams(storage).text("s", "before|");
  await new Streams(storage).text("s", text);
  await new Streams(storage).text("s", "|after");
  for (const by of [storage, other.storage]) {
    const streams = new Streams(by);
    equal(await streams.all("s"), `before|${text}|after`);
    equal(await streams.all("s", 9000), `before|${text}|after`.slice(9000));
    equal((await by.read("s", 7, 4096)).data.length, text.length);
  }
  const created = await storage.create("t", { contentType: TEXT, body: encodeUtf8(text) });
  equal(created.tail, text.length);
  equal(await new Streams(other.storage).all("t"), text);
}, { messageLimitBytes: 4096 });

it("a long JSON body is read message by message", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  const other = await frontEnds.open({ messageCacheBytes: 0 });
  const values = Array.from({ length: 300 }, (_, i) => JSON.stringify(`${i}`.repeat(1 + i % 40)));
  values[150] = JSON.stringify("long".repeat(3000));
  await storage.create("s", { contentType: JSON_TYPE });
  await new Streams(storage).json("s", "0");
  await new Streams(storage).json("s", `[${values}]`);
  const whole = `0,\n${values.map((value) => `${value},\n`).join("")}`;
  for (const by of [storage, other.storage]) {
    const boundaries: number[] = [];
    let text = "";
    while (text.length < whole.length) {
      const { data, next } = await by.read("s", text.length, 4096);
      text += new TextDecoder().decode(data);
      boundaries.push(next);
      ok(text.endsWith(",\n"), `a chunk ends at ${next}`);
    }
    equal(text, whole);
    const long = whole.indexOf('"longlong');
    await rejectsWith(by.read("s", long + 5000, 4096), "invalid_offset");
    equal((await by.read("s", { lastBytes: whole.length - long - 6000 }, 1)).start, long);
  }
}, { messageLimitBytes: 4096 });

it("a front end that stood still for days finds what became of its streams", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  for (const name of ["gone", "again", "there"]) {
    await a.storage.create(name, { contentType: TEXT, body: encodeUtf8("old") });
  }
  await b.storage.delete("gone");
  await b.storage.delete("again");
  await b.storage.create("again", { contentType: TEXT, body: encodeUtf8("new") });
  await new Streams(b.storage).text("there", "er");
  await frontEnds.turns();
  frontEnds.clock.advance(3 * 86_400_000);
  const streams = new Streams(a.storage);
  await rejectsWith(frontEnds.within(streams.text("gone", "x")), "not_found");
  equal((await frontEnds.within(streams.text("again", "!"))).tail, 4);
  equal((await frontEnds.within(streams.text("there", "!"))).tail, 6);
  equal(await streams.all("again"), "new!");
});

it("time never runs backwards in a stream, whatever the clocks of front ends say", async (frontEnds) => {
  const slow = new ManualClock(frontEnds.clock.nowMs() - 60_000);
  const [a, b] = [await frontEnds.open(), await frontEnds.open({}, slow)];
  await a.storage.create("s", { contentType: TEXT });
  await new Streams(a.storage).text("s", "a");
  const sinceMs = frontEnds.clock.nowMs();
  const appended = new Streams(b.storage).text("s", "b");
  await frontEnds.turns();
  slow.advance(5);
  await appended;
  equal((await a.storage.read("s", { sinceMs }, 10)).start, 0);
  equal((await a.storage.read("s", { sinceMs: sinceMs + 1 }, 10)).start, 2);
});

it("more than may wait for a stream, or for all, is refused", async (frontEnds) => {
  const { storage } = await frontEnds.open({ maxQueuedPerStream: 3, maxQueuedBytes: 4000 });
  const streams = new Streams(storage);
  await storage.create("s", { contentType: TEXT });
  await storage.create("t", { contentType: TEXT });
  const few = Promise.all([1, 2, 3].map(() => streams.text("s", "x")));
  await rejectsWith(streams.text("s", "x"), "overloaded", /3 commands wait/);
  await few;
  const long = streams.text("s", "x".repeat(5000));
  await rejectsWith(streams.text("t", "x"), "overloaded", /at most 4000/);
  await long;
  await streams.text("t", "x");
});

it("streams in memory are as many as may be, and all are found", async (frontEnds) => {
  const { storage } = await frontEnds.open({ maxLoadedStreams: 5, messageCacheBytes: 10_000 });
  const streams = new Streams(storage);
  for (let i = 0; i < 40; i++) {
    await storage.create(`s${i}`, { contentType: TEXT, body: encodeUtf8("x".repeat(1000)) });
    ok(storage.status().figures.loadedStreams <= 6);
  }
  for (let i = 0; i < 40; i++) equal((await streams.all(`s${i}`)).length, 1000);
});

it("streams leave memory where they take too much of it", async (frontEnds) => {
  const { storage } = await frontEnds.open({ maxLoadedBytes: 40_000 });
  for (let i = 0; i < 10; i++) {
    await storage.create(`s${i}`, { contentType: TEXT });
    const body = encodeUtf8("x");
    await Promise.all(Array.from({ length: 100 }, (_, p) => {
      const producer = { id: `p${p}`, epoch: 0, seq: 0 };
      return storage.append(`s${i}`, { contentType: TEXT, body, producer });
    }));
  }
  equal(storage.status().figures.loadedStreams, 10);
  await frontEnds.pass(6000);
  equal(storage.status().figures.loadedStreams, 2);
  const producer = { id: "p7", epoch: 0, seq: 0 };
  const again = { contentType: TEXT, body: encodeUtf8("x"), producer };
  equal((await storage.append("s0", again)).duplicate, true);
});

it("a use that another front end recorded lets a stream live a little longer", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  const lifetime = { kind: "ttl", ttlSeconds: 160 } as const;
  await a.storage.create("s", { contentType: TEXT, lifetime });
  await b.storage.head("s");
  // Known to a only, since it isn't old enough to be recorded.
  await frontEnds.pass(9000);
  await a.storage.read("s", 0, 10);
  await frontEnds.pass(152_000);
  await b.storage.head("s");
  await a.storage.head("s");
  await frontEnds.pass(12_000);
  await rejectsWith(b.storage.head("s"), "not_found");
});

it("a stream that is watched at another front end stays", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  const lifetime = { kind: "ttl", ttlSeconds: 100 } as const;
  await a.storage.create("s", { contentType: TEXT, lifetime });
  const watch = await b.storage.watch("s", () => {});
  await frontEnds.pass(500_000);
  await a.storage.head("s");
  watch.cancel();
  await frontEnds.pass(120_000);
  await rejectsWith(a.storage.head("s"), "not_found");
});

it("a stream whose time is over goes by itself, and so does one that no front end knows", async (frontEnds) => {
  const a = await frontEnds.open();
  const lifetime = { kind: "until", expiresAtMs: frontEnds.clock.nowMs() + 10_000 } as const;
  await a.storage.create("s", { contentType: TEXT, lifetime });
  await frontEnds.pass(12_000);
  const names = frontEnds.cluster.log("DS_NAMES");
  const nameOf = (hex: string) => names?.leader.newest(`ds.n.${hex}`, frontEnds.clock.nowMs());
  // A tombstone is shorter than a record.
  ok((nameOf("73")?.payload.length ?? 0) < 30);
  const later = { kind: "until", expiresAtMs: frontEnds.clock.nowMs() + 10_000 } as const;
  await a.storage.create("t", { contentType: TEXT, lifetime: later });
  await frontEnds.within(a.storage.close());
  await frontEnds.open();
  const before = nameOf("74")?.sequence ?? 0;
  await frontEnds.pass(3 * 3_600_000, 60_000);
  const after = nameOf("74");
  ok(after === undefined || after.sequence > before, "the walk has ended it");
});

it("a reference that a dead front end has left keeps nobody from the name", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  await storage.create("s", { contentType: TEXT });
  const forking = await frontEnds.open();
  const publish = forking.jetStream.publish.bind(forking.jetStream);
  // The fork's name is never written.
  forking.jetStream.publish = (message) =>
    message.subject.startsWith("ds.n.") ? new Promise(() => {}) : publish(message);
  void forking.storage.create("f", { fork: { source: "s" } });
  await frontEnds.turns();
  forking.jetStream.kill();
  await storage.delete("s");
  await rejectsWith(storage.head("s"), "gone");
  await rejectsWith(storage.create("s", { contentType: JSON_TYPE }), "stream_exists");
  frontEnds.clock.advance(300_000);
  equal((await storage.create("s", { contentType: JSON_TYPE })).created, true);
});

it("a name whose stream is gone is free, though nobody came to free it", async (frontEnds) => {
  const { storage, jetStream } = await frontEnds.open();
  const head = {
    frontEnd: 5,
    count: 1,
    atMs: 0,
    accessedAtMs: 0,
    start: 0,
    isClosed: false,
    isSoftlyDeleted: false,
  };
  const log = "DS_DATA_1";
  const subject = "ds.d.1.7";
  const appends = { ...head, kind: "appends", appends: [], data: new Uint8Array() } as const;
  const payload = encodeMessage({ ...appends, previousSequence: 0 });
  await jetStream.publish({ log, subject, payload, expectedSequence: 0 });
  const gone = encodeMessage({ ...head, kind: "gone", previousSequence: 1 });
  await jetStream.publish({ log, subject, payload: gone, expectedSequence: 1, rollup: true });
  const record = encodeNameEntry({
    kind: "name",
    id: 7,
    shard: 1,
    createdAtMs: 0,
    name: "s",
    contentType: TEXT,
    lifetime: { kind: "forever" },
    fork: undefined,
  });
  const names = { log: "DS_NAMES", subject: "ds.n.73" };
  await jetStream.publish({ ...names, payload: record, expectedSequence: 0 });
  await rejectsWith(storage.head("s"), "not_found");
  equal((await storage.create("s", { contentType: TEXT })).created, true);
});

it("what decides a command and is malformed is damaged, and says so", async (frontEnds) => {
  const { storage, jetStream } = await frontEnds.open();
  await storage.create("s", { contentType: TEXT });
  await storage.create("f", { fork: { source: "s" } });
  const payload = encodeUtf8("not ours");
  const newest = { log: "DS_DATA_1", subject: "ds.d.1.2" };
  const expectedSequence = await jetStream.lastSequence(newest.log, newest.subject);
  ok(expectedSequence > 0);
  await jetStream.publish({ ...newest, payload, expectedSequence });
  await rejectsWith(storage.delete("s"), "damaged", /"f".*malformed/);
  const ids = { log: "DS_META", subject: "ds.m.ids" };
  const idsSequence = await jetStream.lastSequence(ids.log, ids.subject);
  await jetStream.publish({ ...ids, payload, expectedSequence: idsSequence });
  const other = await frontEnds.open();
  await rejectsWith(other.storage.create("n", { contentType: TEXT }), "damaged", /ids/);
});

it("a storage that is closed has written all that it was given", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  await storage.create("s", { contentType: TEXT });
  const appended = Array.from({ length: 20 }, (_, i) => new Streams(storage).text("s", `${i};`));
  await frontEnds.within(storage.close());
  await Promise.all(appended);
  const other = await frontEnds.open();
  equal((await new Streams(other.storage).all("s")).split(";").length, 21);
});

it("a storage that is opened again is the same one, with more logs where they are asked for", async (frontEnds) => {
  const a = await frontEnds.open({ shards: 1 });
  await a.storage.create("s", { contentType: TEXT, body: encodeUtf8("x") });
  const b = await frontEnds.open({ shards: 3 });
  equal(b.storage.identity, a.storage.identity);
  equal(await new Streams(b.storage).all("s"), "x");
  for (let i = 0; i < 6; i++) {
    await b.storage.create(`t${i}`, { contentType: TEXT, body: encodeUtf8("y") });
    equal(await new Streams(a.storage).all(`t${i}`), "y");
  }
  ok(frontEnds.cluster.log("DS_DATA_3") !== undefined);
  equal((await frontEnds.open({ shards: 1 })).storage.identity, a.storage.identity);
});

it("a listing asks one question for each stream that isn't in memory", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  const lifetime = { kind: "ttl", ttlSeconds: 100 } as const;
  for (let i = 0; i < 50; i++) {
    await a.storage.create(`s${i + 10}`, { contentType: TEXT, lifetime, body: encodeUtf8("abc") });
  }
  await new Streams(a.storage).text("s10", "d");
  await new Streams(a.storage).close("s11");
  await a.storage.delete("s12");
  b.calls.clear();
  const { streams } = await b.storage.list({ limit: 100 });
  equal(streams.length, 49);
  equal([...b.calls], [["lastMessage", 49]]);
  equal(b.storage.status().figures.loadedStreams, 0);
  for (const { name, lastAppendAtMs: _, forkedFrom: __, ...info } of streams) {
    equal(info, await b.storage.head(name));
  }
  equal(streams.map(({ tail, closed }) => [tail, closed]).slice(0, 3), [
    [4, false],
    [3, true],
    [3, false],
  ]);
});

it("more names than may be are not listed, and again once they are fewer", async (frontEnds) => {
  const { storage } = await frontEnds.open({ maxListedNames: 3 });
  for (const name of ["a", "b", "c"]) await storage.create(name, {});
  const names = async () => (await storage.list({ limit: 10 })).streams.map(({ name }) => name);
  equal(await names(), ["a", "b", "c"]);
  await storage.create("d", {});
  await rejectsWith(storage.list({ limit: 10 }), "overloaded", /more than 3 streams/);
  await storage.delete("b");
  await frontEnds.pass(2000);
  equal(await names(), ["a", "c", "d"]);
});

it("a close doesn't wait beyond its limit for a walk over the names that gets no answer", async (frontEnds) => {
  const { storage: first } = await frontEnds.open();
  const expiresAtMs = frontEnds.clock.nowMs() + 10_000;
  await first.create("s", { contentType: TEXT, lifetime: { kind: "until", expiresAtMs } });
  await frontEnds.within(first.close());
  const { storage, jetStream } = await frontEnds.open();
  const gate = closedGate();
  for (let i = 0; i < 3; i++) {
    frontEnds.cluster.script.nextRead(
      { kind: "held", at: "answer", until: gate.opened },
      { by: jetStream },
    );
  }
  const before = frontEnds.cluster.script.pending;
  // A walk begins after an hour.
  await frontEnds.pass(3_700_000, 60_000);
  ok(frontEnds.cluster.script.pending < before, "the walk asks");
  let isClosed = false;
  const closing = storage.close(1000).then(() => isClosed = true);
  await frontEnds.pass(5000);
  const wasClosed = isClosed;
  gate.open();
  await frontEnds.within(closing);
  ok(wasClosed);
});
