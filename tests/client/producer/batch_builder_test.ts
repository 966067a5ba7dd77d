import { deepStrictEqual as equal, ok } from "node:assert";
import fc from "fast-check";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { drainEventLoop, ProducerFixture } from "../../support/client/producer_fixture.ts";

async function fixture(headers = TEXT): Promise<ProducerFixture> {
  const made = new ProducerFixture();
  await made.server.make("s", headers);
  return made;
}

Deno.test("a batch is cut before it would have more than maxBatchBytes", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBatchBytes: 10 });
  for (const text of ["aaaa", "bbbb", "ccc", "ddddddd", "e"]) await producer.send(text);
  await producer.flush();
  equal(at.transport.bodies, ["aaaabbbb", "cccddddddd", "e"]);
});

Deno.test("in a JSON stream brackets and commas count", async () => {
  const at = await fixture(JSON_TYPE);
  const producer = at.producer({ contentType: "application/json", maxBatchBytes: 9 });
  for (const value of [111, 222, 333, 4444, 5555555, 6]) await producer.sendJson(value);
  await producer.flush();
  equal(at.transport.bodies, ["[111,222]", "[333]", "[4444]", "[5555555]", "[6]"]);
});

Deno.test("a message longer than maxBatchBytes goes alone", async () => {
  const at = await fixture(JSON_TYPE);
  const long = "é".repeat(9_000);
  const producer = at.producer({ contentType: "application/json", maxBatchBytes: 100 });
  for (const value of ["a", long, "b", long, long]) await producer.sendJson(value);
  await producer.sendJson("c");
  await producer.flush();
  equal(at.transport.bodies.map((body) => JSON.parse(body)), [
    ["a"],
    [long],
    ["b"],
    [long],
    [long],
    ["c"],
  ]);
});

Deno.test("text of every width is stored as UTF-8, whatever its length", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBatchBytes: 5_000 });
  const texts = ["a", "é", "€", "😀", "😀".repeat(2_100), "€".repeat(4_000), "a".repeat(4_096)];
  for (const text of texts) await producer.send(text);
  await producer.flush();
  equal(await at.server.content("s"), texts.join(""));
});

Deno.test("a batch has at most maxBatchMessages", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBatchMessages: 2 });
  for (const text of "abcde") await producer.send(text);
  await producer.flush();
  equal(at.transport.bodies, ["ab", "cd", "e"]);
});

Deno.test("while nothing is in flight, a batch goes in the next turn", async () => {
  const at = await fixture();
  const producer = at.producer({ lingerMs: 5 });
  await producer.send("a");
  await producer.send("b");
  await drainEventLoop();
  equal(at.transport.bodies, []);
  await at.pass(0);
  equal(at.transport.bodies, ["ab"]);
});

Deno.test("while a batch is in flight, the next one waits lingerMs for more", async () => {
  const at = await fixture();
  const producer = at.producer({ lingerMs: 5 });
  await producer.send("a");
  await at.pass(0);
  at.transport.onResponse = () => new Promise(() => {});
  await producer.send("b");
  await at.pass(0);
  await producer.send("c");
  await at.pass(4);
  await producer.send("d");
  equal(at.transport.bodies, ["a", "b"]);
  await at.pass(1);
  equal(at.transport.bodies, ["a", "b", "cd"]);
});

Deno.test("the last response ends the wait: what has gathered goes in the next turn", async () => {
  const at = await fixture();
  const gate = Promise.withResolvers<void>();
  at.transport.onResponse = () => gate.promise;
  const producer = at.producer({ lingerMs: 1_000 });
  await producer.send("a");
  await at.pass(0);
  await producer.send("b");
  gate.resolve();
  await at.pass(0);
  equal(at.transport.bodies, ["a", "b"]);
});

Deno.test("a batch whose time has come grows while maxInFlight are in flight", async () => {
  const at = await fixture();
  const gate = Promise.withResolvers<void>();
  const producer = at.producer({ lingerMs: 5, maxInFlight: 2 });
  await producer.send("a");
  await at.pass(0);
  at.transport.onResponse = ({ headers }) =>
    headers["producer-seq"] === "1" ? gate.promise : new Promise(() => {});
  for (const letter of "bc") {
    await producer.send(letter);
    await at.pass(5);
  }
  await producer.send("d");
  await at.pass(100);
  await producer.send("e");
  equal(at.transport.bodies, ["a", "b", "c"]);
  gate.resolve();
  await drainEventLoop();
  equal(at.transport.bodies, ["a", "b", "c", "de"]);
});

Deno.test("with lingerMs 0 a batch goes in the next turn, also while others are in flight", async () => {
  const at = await fixture();
  const producer = at.producer({ lingerMs: 0 });
  await producer.send("a");
  await at.pass(0);
  at.transport.onResponse = () => new Promise(() => {});
  for (const letter of "bc") {
    await producer.send(letter);
    await at.pass(0);
  }
  equal(at.transport.bodies, ["a", "b", "c"]);
});

Deno.test("with lingerMs Infinity nothing goes until it is flushed", async () => {
  const at = await fixture();
  const producer = at.producer();
  await producer.send("a");
  await at.pass(1e9);
  equal(at.transport.bodies, []);
  await producer.flush();
  equal(at.transport.bodies, ["a"]);
});

Deno.test("until the first response one batch is in flight, then up to maxInFlight", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBatchMessages: 1, maxInFlight: 3 });
  const first = Promise.withResolvers<void>();
  const others = Promise.withResolvers<void>();
  at.transport.onResponse = ({ headers }) =>
    headers["producer-seq"] === "0" ? first.promise : others.promise;
  for (const letter of "abcdefgh") await producer.send(letter);
  await drainEventLoop();
  equal(at.transport.sequence, ["0/0"]);
  first.resolve();
  await drainEventLoop();
  equal(at.transport.sequence, ["0/0", "0/1", "0/2", "0/3"]);
  others.resolve();
  await producer.flush();
  equal(at.transport.maxConcurrent, 3);
  equal(await at.server.content("s"), "abcdefgh");
});

Deno.test("the same input makes the same batches whatever the timing, and is stored once", async () => {
  const messages = fc.array(fc.string({ minLength: 1, maxLength: 30 }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(
      messages,
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 9 }),
      fc.infiniteStream(fc.boolean()),
      async (texts, maxBatchBytes, maxBatchMessages, pauses) => {
        const at = await fixture();
        const cuts: string[][] = [];
        for (const maxInFlight of [1, 4]) {
          const sent = at.transport.requests.length;
          const producer = at.producer({
            maxBatchBytes,
            maxBatchMessages,
            maxInFlight,
            maxBufferedBytes: maxInFlight * 400,
          });
          for (const text of texts) {
            await producer.send(text);
            if (maxInFlight > 1 && pauses.next().value) await drainEventLoop();
          }
          await producer.close();
          cuts.push(at.transport.bodies.slice(sent));
        }
        equal(cuts[0], cuts[1]);
        equal(await at.server.content("s"), texts.join(""));
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("memory is bounded: what isn't stored never exceeds maxBufferedBytes by more than a message", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBufferedBytes: 2_000, maxBatchBytes: 500 });
  let taken = 0;
  let stored = 0;
  let most = 0;
  at.transport.onResponse = async ({ body }) => {
    await drainEventLoop();
    most = Math.max(most, taken - stored);
    stored += body?.length ?? 0;
  };
  const sends: Promise<unknown>[] = [];
  for (let i = 0; i < 100; i++) {
    sends.push(producer.send("x".repeat(90)).then(() => taken += 90));
  }
  await Promise.all(sends);
  await producer.flush();
  equal(stored, 9_000);
  ok(most > 500 && most <= 2_090, `${most} bytes were buffered`);
});
