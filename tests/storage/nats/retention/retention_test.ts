import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { Streams, TEXT } from "../../../contract/kit.ts";
import { snapshotsOf } from "../../../contract/stepped_storage.ts";
import { closedGate } from "../../../support/nats/delay.ts";
import { it, logged, textFrom, update, WALKED_MS } from "./retention_kit.ts";

it("front ends that trim and append at once leave one state", async (frontEnds) => {
  const all = await Promise.all([1, 2, 3].map(() => frontEnds.open()));
  const [first] = all;
  ok(first !== undefined);
  await first.storage.create("s", { contentType: TEXT });
  await frontEnds.within(
    Promise.all(all.map(async ({ storage }, i) => {
      for (let n = 0; n < 15; n++) {
        const { tail } = await new Streams(storage).text("s", `${i}`.repeat(10));
        if (n % 3 === i) await update(storage, "s", { trimBefore: tail - 10 });
        if (n % 5 === i) await update(storage, "s", { retention: { bytes: 1e9 + n } });
      }
    })),
    1,
  );
  const heads = await Promise.all(all.map(({ storage }) => storage.head("s")));
  equal(new Set(heads.map(({ earliest }) => earliest)).size, 1);
  equal(new Set(heads.map(({ policies }) => JSON.stringify(policies))).size, 1);
  equal(heads[0]?.tail, 450);
  ok((heads[0]?.earliest ?? 0) >= 100);
});

it("a trim that waits while the stream is made anew trims nothing of the new one", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  await a.storage.create("s", { contentType: TEXT, body: encodeUtf8("0123456789") });
  await b.storage.head("s");
  await a.storage.delete("s");
  await a.storage.create("s", { contentType: TEXT, body: encodeUtf8("new") });
  await rejects(update(b.storage, "s", { trimBefore: 5 }), { code: "offset_past_tail" });
  equal(await new Streams(a.storage).all("s"), "new");
});

it("a policy that another front end takes back doesn't trim any more", async (frontEnds) => {
  const [a, b] = [await frontEnds.open(), await frontEnds.open()];
  const policies = { retention: { ageMs: 10_000 } };
  await a.storage.create("s", { contentType: TEXT, body: encodeUtf8("0123456789"), policies });
  await update(b.storage, "s", { retention: null });
  await frontEnds.pass(60_000);
  equal((await a.storage.head("s")).earliest, 0);
  equal((await a.storage.head("s")).policies, undefined);
});

for (const kept of ["none", "an earlier one"]) {
  it(`nothing is trimmed to a snapshot that is deleted meanwhile, with ${kept} instead`, async (frontEnds) => {
    const [a, b] = [await frontEnds.open(), await frontEnds.open()];
    const policies = { retention: { toSnapshot: true } } as const;
    await a.storage.create("s", { contentType: TEXT, policies });
    await new Streams(a.storage).text("s", "0123456789");
    await new Streams(a.storage).text("s", "0123456789");
    const gate = closedGate();
    const script = frontEnds.cluster.script;
    const inA = snapshotsOf(a.storage);
    const spec = { contentType: TEXT, body: encodeUtf8("state") };
    // The snapshot's own message, and the trim behind it.
    script.nextPublish({ kind: "held", at: "answer", until: 0 }, { subject: "ds.d.*.*" });
    script.nextPublish(
      { kind: "held", at: "request", until: gate.opened },
      { by: a.jetStream, subject: "ds.d.*.*" },
    );
    await inA.put("s", { ...spec, offset: 20 });
    await frontEnds.turns();
    equal(script.pending, 0);
    const inB = snapshotsOf(b.storage);
    await inB.delete("s");
    if (kept !== "none") await inB.put("s", { ...spec, offset: 10 });
    gate.open();
    await frontEnds.pass(5000);
    const { earliest } = await b.storage.head("s");
    ok(earliest <= (kept === "none" ? 0 : 10), `${earliest}`);
  });
}

it("one of several front ends trims what is due, once", async (frontEnds) => {
  const all = await Promise.all([1, 2, 3].map(() => frontEnds.open()));
  const [first] = all;
  ok(first !== undefined);
  const policies = { retention: { bytes: 20_000 } };
  await first.storage.create("s", { contentType: TEXT, policies });
  const cancels = await Promise.all(all.map(({ storage }) => storage.watch("s", () => {})));
  for (let i = 0; i < 40; i++) {
    await new Streams(first.storage).text("s", "x".repeat(1000));
    await frontEnds.turns(2);
  }
  await frontEnds.pass(5000);
  const { earliest } = await first.storage.head("s");
  ok(earliest >= 15_000 && earliest <= 20_000, `${earliest}`);
  const trims = all.map(({ storage }) => storage.measure?.().retention?.trims ?? 0);
  equal(trims.slice(1), [0, 0]);
  ok((trims[0] ?? 0) <= 6, `${trims}`);
  equal(
    (await logged(frontEnds, first.storage, "s")).filter(({ kind }) => kind === "retention").length,
    trims[0],
  );
  for (const { cancel } of cancels) cancel();
});

it("of front ends that write in turns one trims, too", async (frontEnds) => {
  const all = await Promise.all([1, 2].map(() => frontEnds.open()));
  const policies = { retention: { bytes: 20_000 } };
  await all[0]?.storage.create("s", { contentType: TEXT, policies });
  const cancels = await Promise.all(all.map(({ storage }) => storage.watch("s", () => {})));
  for (let i = 0; i < 40; i++) {
    for (const { storage } of all) {
      await frontEnds.within(new Streams(storage).text("s", "x".repeat(1000)), 1);
      await frontEnds.turns(2);
    }
  }
  await frontEnds.pass(2000);
  const { earliest } = await frontEnds.within(all[1]?.storage.head("s") ?? Promise.reject());
  ok(earliest >= 55_000 && earliest <= 60_000, `${earliest}`);
  for (const { cancel } of cancels) cancel();
});

it("what is due of streams that no front end has in memory is found by the walk", async (frontEnds) => {
  const a = await frontEnds.open();
  const policies = { retention: { ageMs: 600_000 } };
  await a.storage.create("own", { contentType: TEXT, body: encodeUtf8("0123456789"), policies });
  await a.storage.create("later", { contentType: TEXT, body: encodeUtf8("0123456789") });
  await update(a.storage, "later", policies);
  await a.storage.create("logs/a", { contentType: TEXT, body: encodeUtf8("0123456789") });
  await a.storage.create("other", { contentType: TEXT, body: encodeUtf8("0123456789") });
  await a.storage.close();
  const b = await frontEnds.open({
    retention: [{ pattern: "logs/**", retention: { ageMs: 600_000 } }],
  });
  await frontEnds.pass(WALKED_MS, 10_000);
  const { streams } = await b.storage.list({ limit: 10 });
  equal(streams.map(({ name, earliest }) => [name, earliest]), [
    ["later", 10],
    ["logs/a", 10],
    ["other", 0],
    ["own", 10],
  ]);
  equal(b.storage.measure?.().retention?.trims, 3);
});

it("a stream with a message that can't be read isn't trimmed by its age", async (frontEnds) => {
  const a = await frontEnds.open();
  await a.storage.create("s", { contentType: TEXT });
  for (let i = 0; i < 9; i++) {
    await new Streams(a.storage).text("s", "0123456789");
    await frontEnds.pass(60_000, 60_000);
  }
  const messages = await logged(frontEnds, a.storage, "s");
  for (const { sequence } of messages.slice(2, -1)) {
    const { leader } = frontEnds.cluster.log("DS_DATA_1") ?? {};
    const [found] = leader?.from("ds.d.1.1", sequence, frontEnds.clock.nowMs()) ?? [];
    found?.payload.reverse();
  }
  await update(a.storage, "s", { retention: { ageMs: 280_000 } });
  await frontEnds.pass(10_000);
  const { earliest } = await a.storage.head("s");
  ok(earliest <= 50, `${earliest}`);
});

it("a list shows where streams begin that aren't in memory", async (frontEnds) => {
  const a = await frontEnds.open();
  for (const name of ["kept", "trimmed"]) {
    await a.storage.create(name, { contentType: TEXT, body: encodeUtf8("0123456789") });
  }
  await update(a.storage, "trimmed", { trimBefore: 4 });
  await new Streams(a.storage).text("trimmed", "more");
  const b = await frontEnds.open();
  const { streams } = await b.storage.list({ limit: 10 });
  equal(streams.map(({ name, earliest, tail }) => [name, earliest, tail]), [
    ["kept", 0, 10],
    ["trimmed", 4, 14],
  ]);
});

it("other rules are put in place, and taken back", async (frontEnds) => {
  const { storage } = await frontEnds.open();
  await storage.create("logs/a", { contentType: TEXT, body: encodeUtf8("x".repeat(9000)) });
  storage.prepareRetention?.([{ pattern: "logs/**", retention: { messages: 0 } }])();
  await frontEnds.pass(2000);
  equal((await storage.head("logs/a")).earliest, 9000);
  storage.prepareRetention?.([])();
  equal((await storage.head("logs/a")).policies, undefined);
  equal(await textFrom(storage, "logs/a", 9000), "");
});
