import { deepStrictEqual as equal, rejects } from "node:assert";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { drainEventLoop, failed, ProducerFixture } from "../../support/client/producer_fixture.ts";

async function fixture(type = TEXT): Promise<ProducerFixture> {
  const at = new ProducerFixture();
  await at.server.make("s", type);
  return at;
}

function source(...chunks: string[]): ReadableStream<string> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

Deno.test("a writer's writable appends a request a chunk, and leaves the stream open", async () => {
  const at = await fixture();
  await source("a", "b", "c").pipeTo(at.client.writer("s").writable());
  equal(at.transport.bodies, ["a", "b", "c"]);
  equal((await at.client.head("s")).closed, false);
});

Deno.test("with close a writer's writable closes the stream behind the last chunk", async () => {
  const at = await fixture();
  await source("a").pipeTo(at.client.writer("s").writable({ close: true }));
  equal([await at.server.content("s"), (await at.client.head("s")).closed], ["a", true]);
});

Deno.test("a body of fetch goes straight into a stream", async () => {
  const at = await fixture();
  const { body } = new Response("one two");
  await body?.pipeTo(at.client.writer("s").writable());
  equal(await at.server.content("s"), "one two");
});

Deno.test("a chunk that fails fails the writable, and a source that fails leaves the stream open", async () => {
  const at = await fixture();
  at.transport.script = (_, number) => number === 2 ? { status: 413 } : "pass";
  const writable = at.client.writer("s").writable({ close: true });
  await failed(source("a", "b", "c").pipeTo(writable), "too_large");
  equal(await at.server.content("s"), "a");
  const broken = new ReadableStream<string>({
    pull: (controller) => controller.error(new Error("gone")),
  });
  await rejects(broken.pipeTo(at.client.writer("s").writable({ close: true })), /gone/);
  equal((await at.client.head("s")).closed, false);
});

Deno.test("a producer's writable resolves when all is stored, in batches, and the producer continues", async () => {
  const at = await fixture(JSON_TYPE);
  const producer = at.producer({ contentType: "application/json" });
  await at.outcome(source("1", "2", "3").pipeTo(producer.writable()));
  equal(at.transport.bodies, ["[1,2,3]"]);
  await producer.sendJson(4);
  await at.outcome(producer.flush());
  equal(JSON.parse(await at.server.content("s")), [1, 2, 3, 4]);
});

Deno.test("with close a producer's writable closes the stream and ends the producer", async () => {
  const at = await fixture();
  const producer = at.producer();
  await at.outcome(source("a", "b").pipeTo(producer.writable({ close: true })));
  equal([await at.server.content("s"), (await at.client.head("s")).closed], ["ab", true]);
  await failed(producer.send("c"), "ended");
});

Deno.test("a producer's writable takes no more than there is room for", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBufferedBytes: 600, maxBatchMessages: 1 });
  at.transport.script = () => new Promise(() => {});
  let pulled = 0;
  const endless = new ReadableStream<string>({
    pull(controller) {
      pulled++;
      controller.enqueue("x".repeat(100));
    },
  }, { highWaterMark: 0 });
  const piping = endless.pipeTo(producer.writable()).catch(() => {});
  await drainEventLoop();
  equal(pulled <= 4, true, `${pulled} chunks`);
  at.transport.script = () => ({ status: 400 });
  void piping;
});
