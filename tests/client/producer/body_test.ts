import { deepStrictEqual as equal } from "node:assert";
import type { Client } from "../../../src/client/client.ts";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { drainEventLoop, failed, ProducerFixture } from "../../support/client/producer_fixture.ts";

const bytes = new TextEncoder().encode("-héé-");
const inner = bytes.subarray(1, 6);

function shared(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(inner.length);
  new Uint8Array(buffer).set(inner);
  return buffer;
}

function streamOf<T>(...chunks: T[]): ReadableStream<T> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

const GOOD = {
  "text": () => "héé",
  "bytes": () => inner,
  "a buffer": () => inner.slice().buffer,
  "a shared buffer": shared,
  "a view that isn't of bytes": () => new DataView(bytes.buffer, 1, 5),
  "a blob": () => new Blob(["h", inner.slice(1)]),
  "a stream of bytes": () => streamOf(inner.slice(0, 2), inner.slice(2)),
  "a stream of text and buffers": () => streamOf<string | ArrayBuffer>("h", inner.slice(1).buffer),
};

/** What takes data, and the stream that it is then in. */
const WAYS = {
  "create": async (client: Client, data: () => Parameters<Client["create"]>[1]) => {
    await client.create("s", { contentType: "text/plain", ...data() });
  },
  "writer": async (client: Client, data: () => Parameters<Client["create"]>[1]) => {
    await client.create("s", { contentType: "text/plain" });
    await client.writer("s").send(data()?.initialData ?? "");
  },
  "the append that closes": async (
    client: Client,
    data: () => Parameters<Client["create"]>[1],
  ) => {
    await client.create("s", { contentType: "text/plain" });
    await client.writer("s").send(data()?.initialData ?? "", { close: true });
  },
  "producer": async (client: Client, data: () => Parameters<Client["create"]>[1]) => {
    await client.create("s", { contentType: "text/plain" });
    const producer = client.producer("s", { id: "p" });
    await producer.send(data()?.initialData ?? "");
    await producer.flush();
  },
  "writable": async (client: Client, data: () => Parameters<Client["create"]>[1]) => {
    await client.create("s", { contentType: "text/plain" });
    const chunks = client.writer("s").writable().getWriter();
    await chunks.write(data()?.initialData ?? "");
    await chunks.close();
  },
};

for (const [way, send] of Object.entries(WAYS)) {
  for (const [what, make] of Object.entries(GOOD)) {
    Deno.test(`${way} takes ${what}`, async () => {
      const at = new ProducerFixture();
      await at.outcome(send(at.client, () => ({ initialData: make() })));
      equal(await at.server.content("s"), "héé");
    });
  }
}

/** What isn't data, as somebody without types may pass it. */
const BAD: [string, RegExp][] = [
  ["{}", /data is an Object: expected text, an ArrayBuffer or a view/],
  ["[1]", /data is an Array/],
  ["null", /data is null/],
  ["5", /data is 5/],
  ["0", /data is 0/],
  ["false", /data is false/],
];

for (const [json, says] of BAD) {
  Deno.test(`${json} is rejected, and nothing is sent`, async () => {
    const at = new ProducerFixture();
    await at.server.make("s", TEXT);
    const data = JSON.parse(json);
    const writer = at.client.writer("s", { contentType: "text/plain" });
    await failed(at.client.create("t", { initialData: data }), "invalid_argument", says);
    await failed(writer.send(data), "invalid_argument", says);
    await failed(writer.send(data, { close: true }), "invalid_argument", says);
    await failed(at.producer().send(data), "invalid_argument", says);
    equal(at.transport.requests, []);
  });
}

Deno.test("undefined is no data either", async () => {
  const at = new ProducerFixture();
  const nothing = JSON.parse("{}").missing;
  await failed(at.client.writer("s").send(nothing), "invalid_argument", /is undefined/);
});

Deno.test("a stream that fails, or holds what is no data, sends nothing", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT);
  const writer = at.client.writer("s", { contentType: "text/plain" });
  const odd = JSON.parse("[[1]]");
  await failed(writer.send(streamOf(...odd)), "invalid_argument", /chunk of the data is an Array/);
  const broken = new ReadableStream<string>({
    pull: (controller) => controller.error(new Error("the source is gone")),
  });
  const error = await writer.send(broken).catch((error: unknown) => error);
  equal(error instanceof Error && error.message, "the source is gone");
  const producer = at.producer();
  const failing = new ReadableStream<string>({
    pull: (controller) => controller.error(new Error("the source is gone")),
  });
  const receipts = [producer.send("a"), producer.send(failing), producer.send("c")];
  const settled = await at.outcome(Promise.allSettled(receipts));
  equal(settled.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  await producer.flush();
  equal(at.transport.bodies, ["ac"]);
});

Deno.test("a stream of more than 64 MiB is cancelled and rejected", async () => {
  const at = new ProducerFixture();
  let isCancelled = false;
  const chunk = new Uint8Array(16 * 1024 * 1024);
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(chunk),
    cancel: () => {
      isCancelled = true;
    },
  });
  const writer = at.client.writer("s", { contentType: "text/plain" });
  await failed(writer.send(endless), "invalid_argument", /at most 67108864 bytes; writable/);
  equal(isCancelled, true);
  equal(at.transport.requests, []);
});

Deno.test("what a producer is sent while a blob is read keeps its place", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", JSON_TYPE);
  const producer = at.producer({ contentType: "application/json" });
  void producer.send("1");
  void producer.send(new Blob(["2"]));
  void producer.send("3");
  void producer.send(streamOf("4"));
  equal(producer.gauges.waitingMessages, 3);
  await at.outcome(producer.flush());
  equal(JSON.parse(await at.server.content("s")), [1, 2, 3, 4]);
  equal(producer.gauges.waitingMessages, 0);
});

Deno.test("a send that is aborted while its blob is read delays no other call", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT);
  const producer = at.producer();
  const controller = new AbortController();
  const never = new ReadableStream<string>();
  const aborted = producer.send(never, { signal: controller.signal }).catch((reason) => reason);
  void producer.send("b");
  controller.abort("enough");
  equal(await aborted, "enough");
  await at.outcome(producer.flush());
  equal(at.transport.bodies, ["b"]);
});

/** A stream that never gives anything, and what it was cancelled with. */
function silent() {
  const cancelled: unknown[] = [];
  const stream = new ReadableStream<string>({
    cancel: (reason) => {
      cancelled.push(reason);
    },
  });
  return { stream, cancelled };
}

Deno.test("aborting a call cancels the stream that it reads, and the next one goes", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT);
  const writer = at.client.writer("s", { contentType: "text/plain" });
  const producer = at.producer();
  const calls = [
    (data: ReadableStream<string>, signal: AbortSignal) => writer.send(data, { signal }),
    (data: ReadableStream<string>, signal: AbortSignal) => producer.send(data, { signal }),
    (data: ReadableStream<string>, signal: AbortSignal) =>
      at.client.create("t", { initialData: data, signal }),
  ];
  for (const call of calls) {
    const { stream, cancelled } = silent();
    const controller = new AbortController();
    const failure = call(stream, controller.signal).catch((reason: unknown) => reason);
    controller.abort("enough");
    equal(await failure, "enough");
    equal(cancelled, ["enough"]);
  }
  equal(at.transport.requests, []);
  await writer.send("a");
  await producer.send("b");
  await at.outcome(producer.flush());
  equal(await at.server.content("s"), "ab");
});

Deno.test("a signal that is aborted already lets nothing of a stream be sent", async () => {
  const at = new ProducerFixture();
  const signal = AbortSignal.abort("enough");
  const failure = await at.client.create("t", { initialData: streamOf("x"), signal })
    .catch((reason: unknown) => reason);
  equal([failure, at.transport.requests.length], ["enough", 0]);
});

Deno.test("a producer that has failed leaves no rejection of a stream that it doesn't take", async () => {
  const at = new ProducerFixture();
  at.transport.script = () => ({ status: 400 });
  const producer = at.producer({ onError: () => {} });
  await producer.send("a");
  await failed(producer.flush(), "bad_request");
  const broken = new ReadableStream<string>({
    pull: (controller) => controller.error(new Error("the source is gone")),
  });
  await failed(producer.send(broken), "bad_request");
  // An unhandled rejection would end the test.
  await drainEventLoop();
});
