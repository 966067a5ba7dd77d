import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { Streams, TEXT } from "../../../contract/kit.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { BUSY_TIMES } from "../../../support/nats/faults.ts";
import { FrontEnds, type TestFrontEnd } from "../../../support/nats/front_ends.ts";

/** Two front ends: `b` sends what it appends to `a`, which wrote last. */
interface Pair {
  readonly a: TestFrontEnd;
  readonly b: TestFrontEnd;
  readonly inB: Streams;
}

/** Registers a test of appends that one front end sends to another. */
function it(
  name: string,
  run: (frontEnds: FrontEnds, pair: Pair) => Promise<void>,
  options: ConstructorParameters<typeof FrontEnds>[0] = {},
): void {
  Deno.test(`nats forwarding: ${name}`, async () => {
    const frontEnds = new FrontEnds(options);
    try {
      const a = await frontEnds.within(frontEnds.open({ forwarding: "never" }), 1);
      const b = await frontEnds.within(frontEnds.open({ forwarding: "always" }), 1);
      const body = encodeUtf8("a");
      await frontEnds.within(a.storage.create("s", { contentType: TEXT, body }), 1);
      equal((await frontEnds.within(b.storage.head("s"), 1)).tail, 1);
      await run(frontEnds, { a, b, inB: new Streams(b.storage) });
    } finally {
      await frontEnds.dispose();
    }
  });
}

const APPENDS = { subject: "ds.a.*" };

it(
  "appends go in the other one's message, and each has its own answer",
  async (_frontEnds, { a, b, inB }) => {
    a.calls.clear();
    b.calls.clear();
    const body = encodeUtf8("x");
    const results = await Promise.allSettled([
      b.storage.append("s", { contentType: TEXT, body: encodeUtf8("b") }),
      b.storage.append("s", { contentType: TEXT, body: encodeUtf8("cd") }),
      b.storage.append("s", { contentType: "text/html", body }),
      b.storage.append("s", { contentType: TEXT, body, producer: { id: "p", epoch: 0, seq: 3 } }),
      b.storage.append("s", { contentType: TEXT, body, producer: { id: "q", epoch: 4, seq: 0 } }),
      b.storage.append("s", { contentType: TEXT, body, producer: { id: "q", epoch: 4, seq: 0 } }),
      b.storage.append("s", { contentType: TEXT, body, expectedTail: 2 }),
    ]);
    equal(
      results.map((result) =>
        result.status === "fulfilled"
          ? [result.value.tail, result.value.duplicate, result.value.producer?.epoch]
          : result.reason.code
      ),
      [
        [2, false, undefined],
        [4, false, undefined],
        "content_type_mismatch",
        "sequence_gap",
        [5, false, 4],
        [5, true, 4],
        "offset_mismatch",
      ],
    );
    equal([b.calls.get("call"), b.calls.get("publish"), a.calls.get("publish")], [1, undefined, 1]);
    equal(await inB.all("s"), "abcdx");
    equal(b.storage.measure?.().cluster?.forwardedAppends, 7);
  },
);

it(
  "what is stored and whose answer is lost is found in the stream",
  async (frontEnds, { a, b, inB }) => {
    for (let i = 0; i < 3; i++) {
      await new Streams(a.storage).text("s", "-");
      b.calls.clear();
      frontEnds.cluster.script.nextCall({ kind: "answer_lost" }, APPENDS);
      const texts = ["1", "2", "3"].map((text) => inB.text("s", text));
      const tails = await frontEnds.within(Promise.all(texts), 100);
      equal(tails.map(({ tail }) => tail), [3 + 4 * i, 4 + 4 * i, 5 + 4 * i]);
      equal(b.calls.get("call"), 1);
    }
    equal(await inB.all("s"), "a-123-123-123");
  },
);

it(
  "what never arrives, or too late, is decided by who was to send it, and once",
  async (frontEnds, { a, inB }) => {
    frontEnds.cluster.script.nextCall({ kind: "call_lost" }, APPENDS);
    equal((await frontEnds.within(inB.text("s", "b"), 100)).tail, 2);
    await new Streams(a.storage).text("s", "-");
    frontEnds.cluster.script.nextCall({ kind: "arrives_late", after: 3000 }, APPENDS);
    equal((await frontEnds.within(inB.text("s", "c"), 100)).tail, 4);
    await frontEnds.pass(5000);
    equal(await inB.all("s"), "ab-c");
  },
);

it("a refused append that arrives late stays refused", async (frontEnds, { b, inB }) => {
  const c = await frontEnds.open({ forwarding: "never" });
  const append = (text: string, seq: number, to = b) =>
    to.storage.append("s", {
      contentType: TEXT,
      body: encodeUtf8(text),
      producer: { id: "p", epoch: 0, seq },
    });
  frontEnds.cluster.script.nextCall({ kind: "arrives_late", after: 3000 }, APPENDS);
  await rejectsWith(frontEnds.within(append("1", 1), 100), "sequence_gap");
  await append("0", 0, c);
  await frontEnds.pass(5000);
  equal(await inB.all("s"), "a0");
});

it("one that is killed in the middle of it costs time", async (frontEnds, { a, inB }) => {
  frontEnds.cluster.script.nextPublish({ kind: "answer_lost" }, { subject: "ds.d.>" });
  const appended = inB.text("s", "b");
  a.jetStream.kill();
  equal((await frontEnds.within(appended, 100)).tail, 2);
  equal(await inB.all("s"), "ab");
});

it(
  "of a stream that is gone when no answer comes nobody knows what was stored",
  async (frontEnds, { a, b, inB }) => {
    frontEnds.cluster.script.nextCall({ kind: "answer_lost" }, APPENDS);
    const appended = inB.text("s", "b");
    await frontEnds.turns();
    await a.storage.delete("s");
    await a.storage.create("s", { contentType: TEXT });
    await rejectsWith(frontEnds.within(appended, 100), "storage_unreachable", /may be/);
    equal((await b.storage.head("s")).tail, 0);
  },
);

it(
  "four calls at most are under way at once, each with what came meanwhile",
  async (frontEnds, { b, inB }) => {
    b.calls.clear();
    const texts: Promise<unknown>[] = [];
    for (let i = 0; i < 6; i++) {
      if (i < 4) {
        frontEnds.cluster.script.nextCall({ kind: "arrives_late", after: 100 * (4 - i) }, APPENDS);
      }
      texts.push(inB.text("s", `${i}`));
      await frontEnds.turns();
    }
    equal(b.calls.get("call"), 4);
    await frontEnds.within(Promise.all(texts), 10);
    equal(b.calls.get("call"), 5);
    equal(await inB.all("s"), "a345210");
  },
);

it(
  "of several calls without an answer each is stored once, in their order",
  async (frontEnds, { a, inB }) => {
    for (const kind of ["answer_lost", "call_lost"] as const) {
      await new Streams(a.storage).text("s", "-");
      const texts: Promise<unknown>[] = [];
      for (const text of ["1", "2", "3"]) {
        frontEnds.cluster.script.nextCall({ kind }, APPENDS);
        texts.push(inB.text("s", text));
        await frontEnds.turns();
      }
      await frontEnds.within(Promise.all(texts), 100);
      await frontEnds.pass(3000);
    }
    equal(await inB.all("s"), "a-123-123");
  },
);

it(
  "what can't be sent is decided behind what was sent before it",
  async (frontEnds, { b, inB }) => {
    b.calls.clear();
    frontEnds.cluster.script.nextCall({ kind: "arrives_late", after: 500 }, APPENDS);
    const first = inB.text("s", "b");
    await frontEnds.turns();
    const long = inB.text("s", "c".repeat(2000));
    await frontEnds.within(Promise.all([first, long]), 10);
    equal(b.calls.get("call"), 1);
    equal((await inB.all("s")).slice(0, 3), "abc");
  },
  { messageLimitBytes: 4096 },
);

it("what has too long a text to be sent is decided here, and those with it go as they are", async (
  frontEnds,
  { b, inB },
) => {
  const append = (text: string, contentType: string) =>
    b.storage.append("s", { contentType, body: encodeUtf8(text) });
  const long = `${TEXT}; a=${"x".repeat(70_000)}`;
  const appended = [append("b", TEXT), append("c", long), append("d", TEXT)];
  const tails = await frontEnds.within(Promise.all(appended), 10);
  equal(tails.map(({ tail }) => tail), [2, 3, 4]);
  equal(await inB.all("s"), "abcd");
});

it("who sends appends is brought forward by snapshots, and reads little", async (frontEnds) => {
  const a = await frontEnds.open({ forwarding: "never", snapshotMessages: 20 });
  const b = await frontEnds.open({ forwarding: "always" });
  const [inA, inB] = [new Streams(a.storage), new Streams(b.storage)];
  await a.storage.create("w", { contentType: TEXT });
  await inA.text("w", "-");
  await b.storage.head("w");
  const cachedBytes = () => b.storage.measure?.().cluster?.cachedBytes ?? Infinity;
  for (let i = 0; i < 100; i++) {
    await frontEnds.within(inB.text("w", "x"), 100);
    await frontEnds.pass(100, 100);
  }
  equal((await frontEnds.within(inB.text("w", "y".repeat(300_000)), 1)).tail, 300_101);
  ok(cachedBytes() < 300_000 + 50 * 400, `${cachedBytes()} bytes were read`);
  equal((await frontEnds.within(inA.all("w"), 1)).slice(0, 103), `-${"x".repeat(100)}yy`);
});

it("a snapshot isn't jumped to behind which an answer may be missing", async (frontEnds) => {
  const a = await frontEnds.open({ forwarding: "never", snapshotMessages: 1 });
  const b = await frontEnds.open({ forwarding: "always" });
  const inB = new Streams(b.storage);
  await a.storage.create("w", { contentType: TEXT });
  await b.storage.head("w");
  await new Streams(a.storage).text("w", "-");
  await b.storage.head("w");
  frontEnds.cluster.script.nextCall({ kind: "arrives_late", after: 500 }, APPENDS);
  const first = inB.text("w", "1");
  await frontEnds.turns();
  frontEnds.cluster.script.nextCall({ kind: "answer_lost" }, APPENDS);
  const second = inB.text("w", "2");
  const tails = await frontEnds.within(Promise.all([first, second]), 100);
  equal(tails.map(({ tail }) => tail), [3, 2]);
  equal(await inB.all("w"), "-21");
});

it(
  "what isn't taken isn't sent again: the stream may be another one by now",
  async (frontEnds, { a, b, inB }) => {
    await frontEnds.within(a.storage.delete("s"), 1);
    await frontEnds.within(a.storage.create("s", { contentType: TEXT }), 1);
    b.calls.clear();
    equal((await frontEnds.within(inB.text("s", "b"), 1)).tail, 1);
    // One for the stream that it was, and one for the one that it is.
    equal(b.calls.get("call"), 2);
  },
);

it("who takes appends never sends them on", async (frontEnds) => {
  const all = [];
  for (let i = 0; i < 3; i++) all.push(await frontEnds.open({ forwarding: "always" }));
  const [first] = all;
  ok(first !== undefined);
  await first.storage.create("t", { contentType: TEXT });
  for (const { storage } of all) await storage.head("t");
  for (let round = 0; round < 20; round++) {
    for (const { calls } of all) calls.clear();
    const appended = all.map(({ storage }, i) => new Streams(storage).text("t", `${i}`));
    await frontEnds.within(Promise.all(appended), 1);
    const calls = all.reduce((sum, one) => sum + (one.calls.get("call") ?? 0), 0);
    ok(calls <= 3, `${calls} calls for three appends`);
  }
  equal((await new Streams(first.storage).all("t")).length, 60);
});

it("more than may wait where it is sent is decided here", async (frontEnds) => {
  const small = await frontEnds.open({ maxQueuedPerStream: 2, forwarding: "never" });
  const b = await frontEnds.open({ forwarding: "always" });
  await small.storage.create("u", { contentType: TEXT });
  await b.storage.head("u");
  const inB = new Streams(b.storage);
  const texts = Array.from({ length: 10 }, (_, i) => inB.text("u", `${i}`));
  await frontEnds.within(Promise.all(texts), 1);
  equal([...await inB.all("u")].sort().join(""), "0123456789");
});

it("two that write to one stream at once soon do so in one's messages", async (frontEnds) => {
  const open = () => frontEnds.within(frontEnds.open(), 1);
  const [a, b] = [await open(), await open()];
  const [inA, inB] = [new Streams(a.storage), new Streams(b.storage)];
  await frontEnds.within(a.storage.create("v", { contentType: TEXT }), 1);
  await frontEnds.within(b.storage.head("v"), 1);
  const write = async (streams: Streams) => {
    for (let i = 0; i < 200; i++) {
      await Promise.all([streams.text("v", "x"), streams.text("v", "x")]);
    }
  };
  await frontEnds.within(Promise.all([write(inA), write(inB)]), 1);
  const calls = (a.calls.get("call") ?? 0) + (b.calls.get("call") ?? 0);
  ok(calls > 100, `${calls} calls`);
  // If what comes again after a message didn't go with what has waited for it, there would be 400.
  const publishes = (a.calls.get("publish") ?? 0) + (b.calls.get("publish") ?? 0);
  ok(publishes < 350, `${publishes} publishes`);
  const lost = (a.storage.measure?.().cluster?.lostRaces ?? 0) +
    (b.storage.measure?.().cluster?.lostRaces ?? 0);
  ok(lost < 30, `${lost} races were lost`);
  equal((await frontEnds.within(a.storage.head("v"), 1)).tail, 800);
}, { times: { ...BUSY_TIMES, lagMs: [0, 0] } });
