import { deepStrictEqual as equal, ok, rejects, strictEqual as same } from "node:assert";
import { isPending, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { drainEventLoop, failed, ProducerFixture } from "../../support/client/producer_fixture.ts";

async function fixture(headers = TEXT): Promise<ProducerFixture> {
  const made = new ProducerFixture();
  await made.server.make("s", headers);
  return made;
}

Deno.test("messages are stored in the order of the calls, in one request", async () => {
  const { server, transport, ...at } = await fixture();
  const producer = at.client.producer("s", { id: "p", contentType: "text/plain" });
  for (let i = 0; i < 100; i++) await producer.send(`${i},`);
  const flushed = producer.flush();
  await flushed;
  equal(await server.content("s"), Array.from({ length: 100 }, (_, i) => `${i},`).join(""));
  equal(transport.sequence, ["0/0"]);
});

Deno.test("send resolves before anything is stored, and its receipt when it is", async () => {
  const at = await fixture();
  const producer = at.producer();
  const receipt = await producer.send("abc");
  ok(await isPending(receipt.stored));
  equal(at.transport.requests.length, 0);
  await producer.flush();
  equal(await receipt.stored, { offset: at.server.offset(3) });
  equal(producer.offset, at.server.offset(3));
});

Deno.test("a receipt that is asked for late still tells", async () => {
  const at = await fixture();
  const producer = at.producer();
  const receipt = await producer.send("abc");
  await producer.flush();
  same((await receipt.stored).offset, at.server.offset(3));
});

Deno.test("epoch, seq and offset begin as given and move with the batches", async () => {
  const at = await fixture();
  const producer = at.producer({ epoch: 3 });
  equal([producer.epoch, producer.seq, producer.offset], [3, 0, undefined]);
  await producer.send("a");
  await producer.flush();
  await producer.send("b");
  await producer.flush();
  equal([producer.epoch, producer.seq, producer.offset], [3, 2, at.server.offset(2)]);
  equal(at.transport.sequence, ["3/0", "3/1"]);
});

Deno.test("with the epoch and seq of a flushed producer, another one continues", async () => {
  const at = await fixture();
  const first = at.producer();
  await first.send("a");
  await first.close();
  const second = at.producer({ epoch: first.epoch, seq: first.seq });
  await second.send("b");
  await second.close();
  equal(await at.server.content("s"), "ab");
});

Deno.test("the content type is asked for once, and messages keep their order meanwhile", async () => {
  const at = await fixture(JSON_TYPE);
  const producer = at.client.producer("s", { id: "p", lingerMs: Infinity });
  const sends = [producer.sendJson(1), producer.sendJson([2, 3]), producer.send('"four"')];
  await Promise.all(sends);
  await producer.sendJson(null);
  await producer.flush();
  equal(JSON.parse(await at.server.content("s")), [1, [2, 3], "four", null]);
  equal(at.transport.requests.map(({ method }) => method), ["HEAD", "POST"]);
});

Deno.test("bytes that wait for the content type are the caller's again at once", async () => {
  const at = await fixture();
  const producer = at.client.producer("s", { id: "p", lingerMs: Infinity });
  const bytes = new TextEncoder().encode("abc");
  const sent = producer.send(bytes);
  bytes.fill(0);
  await sent;
  const taken = producer.send(bytes.fill(0x64));
  bytes.fill(0);
  await taken;
  await producer.flush();
  equal(await at.server.content("s"), "abcddd");
});

Deno.test("in a JSON stream each send is one message, arrays too", async () => {
  const at = await fixture(JSON_TYPE);
  const producer = at.producer({ contentType: "application/json" });
  await producer.send("[1,2]\n");
  await producer.send(new TextEncoder().encode(' {"a":[]} '));
  await producer.sendJson([]);
  await producer.flush();
  equal(at.transport.bodies, ['[[1,2]\n, {"a":[]} ,[]]']);
  equal(JSON.parse(await at.server.content("s")), [[1, 2], { a: [] }, []]);
});

Deno.test("what isn't one JSON value is rejected alone", async () => {
  const at = await fixture(JSON_TYPE);
  const producer = at.producer({ contentType: "application/json" });
  await producer.send("1");
  for (
    const wrong of ["", " ", "1,2", "1]", "[1", "nul", '"a', new Uint8Array([0x22, 0xff, 0x22])]
  ) {
    await failed(producer.send(wrong), "invalid_argument", /not one JSON value/);
  }
  await failed(producer.sendJson(undefined), "invalid_argument", /can't be sent as JSON/);
  await producer.send("2");
  await producer.flush();
  equal(at.transport.bodies, ["[1,2]"]);
});

Deno.test("an empty message of bytes or text is rejected alone", async () => {
  const at = await fixture();
  const producer = at.producer();
  await failed(producer.send(""), "invalid_argument", /something to append/);
  await failed(producer.send(new Uint8Array()), "invalid_argument", /something to append/);
  await producer.send("a");
  await producer.flush();
  equal(await at.server.content("s"), "a");
});

Deno.test("with maxBufferedBytes not stored yet, send waits until some are", async () => {
  const at = await fixture();
  const gate = Promise.withResolvers<void>();
  at.transport.onResponse = () => gate.promise;
  const producer = at.producer({ maxBufferedBytes: 300, maxBatchBytes: 100 });
  await producer.send("a".repeat(100));
  const second = producer.send("b");
  const third = producer.send("c");
  ok(await isPending(second));
  gate.resolve();
  await second;
  await third;
  await producer.flush();
  equal(await at.server.content("s"), `${"a".repeat(100)}bc`);
});

Deno.test("messages that wait for room are part of a flush that came after them", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBufferedBytes: 300, maxBatchBytes: 100 });
  const sends = ["a", "b", "c"].map((letter) => producer.send(letter.repeat(150)));
  const flushed = producer.flush();
  const later = producer.send("later");
  await flushed;
  equal(await at.server.content("s"), "a".repeat(150) + "b".repeat(150) + "c".repeat(150));
  await Promise.all([...sends, later]);
  await producer.close();
  equal(at.transport.bodies.at(-1), "later");
});

Deno.test("a flush of nothing resolves without a request", async () => {
  const at = await fixture();
  const producer = at.producer();
  await producer.flush();
  await producer.close();
  equal(at.transport.requests, []);
});

Deno.test("close stores what is waiting, and nothing is taken afterwards", async () => {
  const at = await fixture();
  const producer = at.producer();
  await producer.send("a");
  const closed = producer.close();
  await failed(producer.send("b"), "ended");
  await failed(producer.sendJson("b"), "ended");
  await closed;
  await producer.close();
  await failed(producer.closeStream(), "ended");
  equal(await at.server.content("s"), "a");
  equal(at.clock.pendingTimers, 0);
});

Deno.test("leaving its scope closes a producer", async () => {
  const at = await fixture();
  {
    await using producer = at.producer();
    await producer.send("a");
  }
  equal(await at.server.content("s"), "a");
});

Deno.test("closeStream goes with the last batch", async () => {
  const at = await fixture();
  await using producer = at.producer();
  await producer.send("a");
  equal(await producer.closeStream(), { offset: at.server.offset(1) });
  equal(at.transport.sequence, ["0/0"]);
  equal((await at.server.head("s")).headers.get("stream-closed"), "true");
  await failed(producer.send("b"), "ended");
  equal(await producer.closeStream(), { offset: at.server.offset(1) });
  await producer.close();
});

Deno.test("closeStream without a message needs no content type", async () => {
  const at = await fixture();
  const producer = at.client.producer("s", { id: "p" });
  await producer.closeStream();
  equal(at.transport.requests.map(({ method }) => method), ["POST"]);
  equal((await at.server.head("s")).headers.get("stream-closed"), "true");
});

Deno.test("a close whose answer was lost is a duplicate, not a failure", async () => {
  const at = await fixture();
  const producer = at.producer();
  await producer.send("a");
  await producer.flush();
  await producer.send("b");
  at.transport.script = (_, number) => number === 1 ? "lose" : "pass";
  equal(await at.outcome(producer.closeStream()), { offset: at.server.offset(2) });
  equal(at.transport.sequence, ["0/0", "0/1", "0/1"]);
  equal(await at.server.content("s"), "ab");
});

Deno.test("a close waits for the batches before it: one sent again would find the stream closed", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBatchMessages: 1 });
  at.transport.script = ({ headers }, number) =>
    headers["producer-seq"] === "1" && number < 2 ? "lose" : "pass";
  for (const letter of ["a", "b"]) await producer.send(letter);
  await at.outcome(producer.closeStream());
  equal(await at.server.content("s"), "ab");
  equal(at.transport.sequence, ["0/0", "0/1", "0/1", "0/2"]);
});

Deno.test("a call's own signal ends that wait only", async () => {
  const at = await fixture();
  const gate = Promise.withResolvers<void>();
  at.transport.onResponse = () => gate.promise;
  const producer = at.producer({ maxBufferedBytes: 300, maxBatchBytes: 100 });
  await producer.send("a".repeat(100));
  const { signal, abort } = aborting();
  const waits = [
    producer.send("never taken", { signal }),
    producer.flush({ signal }),
    producer.sendJson("x", { signal: AbortSignal.abort("before") }),
  ];
  const settled = Promise.allSettled(waits);
  const kept = producer.send("b");
  abort("enough");
  equal((await settled).map((each) => each.status === "rejected" && each.reason), [
    "enough",
    "enough",
    "before",
  ]);
  const closed = producer.close({ signal });
  await rejects(closed, (reason) => reason === "enough");
  gate.resolve();
  await kept;
  await producer.close();
  equal(await at.server.content("s"), `${"a".repeat(100)}b`);
});

Deno.test("nothing stays on the signals of calls and of a closed producer", async () => {
  const at = await fixture();
  const { signal, listeners } = counting();
  const own = counting();
  const producer = at.client.producer("s", { id: "p", signal: own.signal });
  await producer.send("a", { signal });
  await producer.flush({ signal });
  await producer.close({ signal });
  await drainEventLoop();
  equal([listeners(), own.listeners()], [0, 0]);
});

Deno.test("options that make no sense are rejected with what would do", async () => {
  const at = await fixture();
  for (
    const [options, says] of [
      [{ id: "" }, /id is ""/],
      [{ id: "café" }, /printable ASCII/],
      [{ epoch: -1 }, /epoch is -1: expected a whole number from 0/],
      [{ seq: 1.5 }, /seq is 1.5/],
      [{ maxBatchBytes: 0 }, /maxBatchBytes is 0: expected a whole number from 1/],
      [{ maxBatchMessages: 0 }, /maxBatchMessages/],
      [{ maxInFlight: 0 }, /maxInFlight/],
      [{ maxBufferedBytes: NaN }, /maxBufferedBytes/],
      [{ lingerMs: -1 }, /lingerMs is -1: expected milliseconds/],
      [{ maxElapsedMs: NaN }, /maxElapsedMs/],
    ] as const
  ) {
    await failed(Promise.resolve().then(() => at.producer(options)), "invalid_argument", says);
  }
});

function aborting() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason: string) => controller.abort(reason) };
}

function counting() {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (type: string, listener: EventListener) => {
    listeners++;
    addEventListener.call(signal, type, listener);
  };
  signal.removeEventListener = (type: string, listener: EventListener) => {
    listeners--;
    removeEventListener.call(signal, type, listener);
  };
  return { signal, listeners: () => listeners };
}
