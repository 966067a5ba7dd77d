import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { closedGate } from "../../../support/nats/delay.ts";
import { passTime } from "../../../support/nats/pass_time.ts";
import { JSON_TYPE, Streams, TEXT } from "../../../contract/kit.ts";
import { firstLogged, FREED_MS, it, logged, textFrom, update, WALKED_MS } from "./retention_kit.ts";

async function append(storage: Storage, name: string, count: number): Promise<void> {
  const streams = new Streams(storage);
  for (let i = 0; i < count; i++) await streams.text(name, `${i % 10}`.repeat(10));
}

it("what was trimmed is gone from the log two minutes later, and all the rest is there", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  await a.storage.create("s", { contentType: TEXT });
  await append(a.storage, "s", 20);
  equal((await b.storage.head("s")).tail, 200);
  equal(await update(a.storage, "s", { trimBefore: 55 }), 55);
  await rejects(textFrom(b.storage, "s", 54), { code: "offset_trimmed" });
  await frontEnds.pass(100_000);
  equal(await firstLogged(frontEnds, a.storage, "s"), 0);
  await frontEnds.pass(FREED_MS - 100_000);
  equal(await firstLogged(frontEnds, a.storage, "s"), 50);
  const late = await frontEnds.open();
  for (const [i, { storage }] of [a, b, late].entries()) {
    equal((await textFrom(storage, "s", 55)).length, 145 + 10 * i);
    equal((await storage.head("s")).earliest, 55);
    await append(storage, "s", 1);
  }
  equal((await textFrom(a.storage, "s", 200)).length, 30);
});

it("a front end that was behind all that was removed goes on, also with an append", async (frontEnds) => {
  const [a, b, c] = [await frontEnds.open(), await frontEnds.open(), await frontEnds.open()];
  await a.storage.create("s", { contentType: TEXT });
  await append(a.storage, "s", 3);
  const producer = { id: "p", epoch: 0, seq: 0 };
  await b.storage.append("s", { contentType: TEXT, body: encodeUtf8("bb"), producer });
  await c.storage.head("s");
  await append(a.storage, "s", 300);
  await update(a.storage, "s", { trimBefore: 3000 });
  await frontEnds.pass(FREED_MS);
  ok((await logged(frontEnds, a.storage, "s")).length < 10);
  const again = await frontEnds.within(
    b.storage.append("s", { contentType: TEXT, body: encodeUtf8("bb"), producer }),
  );
  equal(again.duplicate, true);
  const appended = await frontEnds.within(
    c.storage.append("s", { contentType: TEXT, body: encodeUtf8("c") }),
  );
  equal(appended.tail, 3033);
  equal(await textFrom(b.storage, "s", 3022), "9999999999c");
  const late = await frontEnds.open();
  const known = await late.storage.append("s", {
    contentType: TEXT,
    body: encodeUtf8("bb"),
    producer,
  });
  equal(known.duplicate, true, "what is known of producers isn't removed");
});

it("of a stream that was trimmed wholly nothing is left but where it is, and it goes on", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  await storage.create("s", { contentType: JSON_TYPE, body: encodeUtf8("[1,2,3]") });
  const { tail } = await storage.head("s");
  await update(storage, "s", { trimBefore: tail });
  await frontEnds.pass(FREED_MS);
  equal((await logged(frontEnds, storage, "s")).map(({ kind }) => kind), ["retention"]);
  const late = await frontEnds.open();
  equal(await new Streams(late.storage).all("s"), "");
  await new Streams(late.storage).json("s", "4");
  equal(await textFrom(storage, "s", tail), "4,\n");
  await rejects(textFrom(late.storage, "s", tail - 3), { code: "offset_trimmed" });
});

it("what is left of a front end that was killed after a trim another one removes", async (frontEnds) => {
  const a = await frontEnds.open();
  await a.storage.create("s", { contentType: TEXT });
  await append(a.storage, "s", 20);
  await update(a.storage, "s", { trimBefore: 150 });
  await a.storage.close();
  const b = await frontEnds.open();
  await frontEnds.pass(FREED_MS);
  equal(await firstLogged(frontEnds, b.storage, "s"), 0);
  await frontEnds.pass(WALKED_MS, 10_000);
  equal(await firstLogged(frontEnds, b.storage, "s"), 150);
  equal((await textFrom(b.storage, "s", 150)).length, 50);
});

it("nothing is removed while the cluster takes nothing, and then it is", async (frontEnds) => {
  const { storage, calls } = await frontEnds.open();
  await storage.create("s", { contentType: TEXT });
  await append(storage, "s", 5);
  await update(storage, "s", { trimBefore: 30 });
  frontEnds.cluster.loseQuorum({ isSilent: false });
  calls.clear();
  await frontEnds.pass(FREED_MS);
  equal(calls.get("purge"), undefined);
  frontEnds.cluster.regainQuorum();
  await frontEnds.pass(60_000);
  equal(await firstLogged(frontEnds, storage, "s"), 30);
});

it("a message that is lost where nothing was removed is still missed", async (frontEnds) => {
  const a = await frontEnds.open();
  await a.storage.create("s", { contentType: TEXT });
  await append(a.storage, "s", 3);
  const b = await frontEnds.open();
  await b.storage.head("s");
  await append(a.storage, "s", 20);
  await update(a.storage, "s", { trimBefore: 15 });
  await frontEnds.pass(FREED_MS);
  // Behind what b has, and behind what was removed.
  const lost = (await logged(frontEnds, a.storage, "s")).find(({ start }) => start === 30);
  const log = frontEnds.cluster.log("DS_DATA_1");
  log?.leader.damage(lost?.sequence ?? 0);
  for (const replica of [1, 2]) log?.damage(replica, lost?.sequence ?? 0);
  await rejects(frontEnds.within(b.storage.head("s"), 100), { code: "damaged" });
});

it("that messages were removed is known from whoever's snapshot is the newest", async (frontEnds) => {
  const options = { snapshotMessages: 5 };
  const [a, b] = [await frontEnds.open(options), await frontEnds.open(options)];
  const behind = await frontEnds.open();
  await a.storage.create("s", { contentType: TEXT });
  await append(a.storage, "s", 1);
  for (const { storage } of [b, behind]) await storage.head("s");
  await append(a.storage, "s", 30);
  await b.storage.head("s");
  await update(a.storage, "s", { trimBefore: 300 });
  await frontEnds.pass(FREED_MS);
  await frontEnds.within(append(b.storage, "s", 20));
  await frontEnds.turns();
  equal(
    await frontEnds.within(textFrom(behind.storage, "s", 480)),
    "7777777777888888888899999999990".slice(0, 30),
  );
});

it("whose snapshot was under way while another one removed messages says in the next that they are gone", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open({ snapshotMessages: 5 })];
  const behind = await frontEnds.open();
  await a.storage.create("s", { contentType: TEXT });
  await append(a.storage, "s", 1);
  await behind.storage.head("s");
  const gate = closedGate();
  frontEnds.cluster.script.nextPublish(
    { kind: "held", at: "request", until: gate.opened },
    { by: b.jetStream, subject: "ds.s.*.*" },
  );
  await append(b.storage, "s", 5);
  await frontEnds.turns();
  equal(frontEnds.cluster.script.pending, 0);
  await update(a.storage, "s", { trimBefore: 60 });
  await frontEnds.pass(FREED_MS);
  equal((await logged(frontEnds, a.storage, "s")).length, 1);
  gate.open();
  await frontEnds.turns();
  await append(b.storage, "s", 6);
  await frontEnds.turns();
  equal((await frontEnds.within(behind.storage.head("s"), 100)).tail, 120);
});

it("who stood still while another one removed more stores no snapshot of before that", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  await a.storage.create("s", { contentType: TEXT });
  await append(a.storage, "s", 5);
  await update(b.storage, "s", { trimBefore: 20 });
  const gate = closedGate();
  frontEnds.cluster.script.nextPublish(
    { kind: "held", at: "request", until: gate.opened },
    { by: b.jetStream, subject: "ds.s.*.*" },
  );
  await frontEnds.pass(FREED_MS);
  equal(frontEnds.cluster.script.pending, 0);
  equal(await firstLogged(frontEnds, a.storage, "s"), 0);
  await append(a.storage, "s", 20);
  await update(a.storage, "s", { trimBefore: 200 });
  await frontEnds.pass(FREED_MS);
  equal(await firstLogged(frontEnds, a.storage, "s"), 200);
  gate.open();
  await frontEnds.pass(2000);
  await Promise.all([a, b].map(({ storage }) => storage.close()));
  const late = await frontEnds.open();
  const text = await frontEnds.within(textFrom(late.storage, "s", 200), 100);
  equal(text, "56789".replaceAll(/./g, (digit) => digit.repeat(10)));
});

it("who stood still with an append, and finds its place removed, doesn't append it again", async (frontEnds) => {
  const clock = new ManualClock(frontEnds.clock.nowMs());
  const [a, b] = [await frontEnds.open(), await frontEnds.open({}, clock)];
  await a.storage.create("s", { contentType: TEXT });
  await append(a.storage, "s", 1);
  await b.storage.head("s");
  for (const kind of ["answer_lost", "message_lost"] as const) {
    frontEnds.cluster.script.nextPublish({ kind }, { by: b.jetStream });
  }
  const appended = append(b.storage, "s", 1).then(() => "again", (error) => error.code);
  await frontEnds.turns();
  await append(a.storage, "s", 20);
  equal((await a.storage.head("s")).tail, 220);
  await update(a.storage, "s", { trimBefore: 200 });
  await frontEnds.pass(FREED_MS);
  equal(await passTime(clock, appended, 100), "storage_unreachable");
  equal((await a.storage.head("s")).tail, 220);
});

it("a source gives up what its forks need no more, as they are trimmed or go", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  await storage.create("a", { contentType: TEXT });
  await append(storage, "a", 20);
  await storage.create("b", { fork: { source: "a", offset: 100 } });
  await storage.create("c", { fork: { source: "b", offset: 80 } });
  await update(storage, "a", { trimBefore: 200 });
  await frontEnds.pass(FREED_MS);
  equal(await firstLogged(frontEnds, storage, "a"), 0);
  equal((await textFrom(storage, "c", 0)).length, 80);
  await update(storage, "c", { trimBefore: 50 });
  await update(storage, "b", { trimBefore: 60 });
  await frontEnds.pass(3 * FREED_MS);
  equal(await firstLogged(frontEnds, storage, "a"), 50, "c begins there");
  const late = await frontEnds.open();
  equal((await textFrom(late.storage, "c", 50)).length, 30);
  await storage.delete("c");
  await frontEnds.pass(3 * FREED_MS);
  equal(await firstLogged(frontEnds, storage, "a"), 60);
  equal((await textFrom(late.storage, "b", 60)).length, 40);
  await storage.delete("a");
  await update(late.storage, "b", { trimBefore: 100 });
  await append(late.storage, "b", 1);
  await frontEnds.pass(3 * FREED_MS);
  equal((await textFrom(storage, "b", 100)).length, 10);
});

it("a fork of a stream of which messages were removed begins where that does", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  await a.storage.create("a", { contentType: TEXT });
  await append(a.storage, "a", 20);
  await update(a.storage, "a", { trimBefore: 70 });
  await b.storage.create("f", { fork: { source: "a", offset: 150 } });
  await update(a.storage, "a", { trimBefore: 180 });
  await frontEnds.pass(FREED_MS);
  for (const { storage } of [a, b, await frontEnds.open()]) {
    equal((await storage.head("f")).earliest, 70);
    equal((await textFrom(storage, "f", 70)).length, 80);
    await rejects(textFrom(storage, "f", 69), { code: "offset_trimmed" });
  }
});

it("a long append is trimmed in the middle, and read on from there", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  const numbers = Array.from({ length: 3000 }, (_, i) => 10_000 + i);
  await storage.create("j", { contentType: JSON_TYPE });
  await new Streams(storage).json("j", JSON.stringify(numbers));
  const all = await new Streams(storage).all("j");
  const starts = (await logged(frontEnds, storage, "j")).map(({ start }) => start);
  ok(starts.length > 4, "in parts");
  let before = 0;
  for (const aim of [2 * 7, ...starts.slice(2, 5)]) {
    const position = Math.ceil(aim / 7) * 7;
    await update(storage, "j", { trimBefore: position });
    await frontEnds.pass(FREED_MS);
    for (const each of [storage, (await frontEnds.open()).storage]) {
      equal(await textFrom(each, "j", position), all.slice(position));
      equal(await new Streams(each).all("j"), all.slice(position));
      const { data } = await each.read("j", { lastBytes: all.length }, 1e9);
      equal(data.length, all.length - position);
    }
    const first = await firstLogged(frontEnds, storage, "j") ?? 0;
    ok(first >= before && first <= position);
    before = first;
  }
  ok(before > 0);
}, { messageLimitBytes: 4096 });
