import { deepStrictEqual as equal, ok, rejects, strictEqual as same } from "node:assert";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { Fixture, JSON_TYPE, producer as producerHeaders, TEXT } from "../../support/fixture.ts";
import { drainEventLoop, failed, ProducerFixture } from "../../support/client/producer_fixture.ts";

const LOST = { lost: 1, unknown: 0 };
const UNKNOWN = { lost: 0, unknown: 1 };

async function fixture(server = new Fixture()): Promise<ProducerFixture> {
  const made = new ProducerFixture(server);
  await made.server.make("s", TEXT);
  return made;
}

Deno.test("after a failure every call and every message rejects with it", async () => {
  const at = await fixture();
  const errors: ClientError[] = [];
  const producer = at.producer({
    maxBatchMessages: 2,
    maxBufferedBytes: 600,
    onError: (error) => errors.push(error),
  });
  const stored = await producer.send("a");
  await producer.flush();
  at.transport.script = () => ({ status: 400, text: "no" });
  const receipts = [];
  for (let i = 0; i < 4; i++) receipts.push(await producer.send(`${i}`.repeat(50)));
  const waiting = producer.send("never taken");
  const waitingFlush = producer.flush();
  await failed(waiting, "bad_request", /^no The producer has stopped; .*never stored: 1, /, LOST);
  const error = await failed(waitingFlush, "bad_request", /never stored: 5/, {
    lost: 5,
    unknown: 0,
  });
  same(error.status, 400);
  ok(error.cause instanceof ClientError);
  for (const receipt of receipts) await failed(receipt.stored, "bad_request", /./, LOST);
  for (const call of [producer.send("x"), producer.sendJson(1), producer.flush()]) {
    await rejects(call, (each) => each === error);
  }
  await rejects(producer.closeStream(), (each) => each === error);
  await rejects(producer.close(), (each) => each === error);
  await stored.stored;
  equal(errors, [error]);
  equal(producer.undelivered, { lost: 5, unknown: 0 });
  equal(at.clock.pendingTimers, 0);
});

Deno.test("the receipts of a failed producer don't have to be awaited", async () => {
  const at = await fixture();
  at.transport.script = () => ({ status: 400 });
  const producer = at.producer({ maxBatchMessages: 1 });
  const { stored } = await producer.send("a");
  ok(stored instanceof Promise);
  await failed(producer.flush(), "bad_request");
  // An unhandled rejection would end the test.
  await drainEventLoop();
});

Deno.test("what onError throws doesn't keep the others from hearing", async () => {
  const at = await fixture();
  const thrown = Promise.withResolvers<unknown>();
  const onUncaught = (event: ErrorEvent) => {
    event.preventDefault();
    thrown.resolve(event.error);
  };
  globalThis.addEventListener("error", onUncaught);
  at.transport.script = () => ({ status: 400 });
  const producer = at.producer({
    onError: () => {
      throw new Error("mine");
    },
  });
  const receipt = await producer.send("a");
  await failed(producer.flush(), "bad_request");
  await failed(receipt.stored, "bad_request");
  ok(await thrown.promise instanceof Error);
  globalThis.removeEventListener("error", onUncaught);
});

Deno.test("a closed stream rejects what isn't stored, and says how much that is", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBatchMessages: 1 });
  await producer.send("a");
  await producer.flush();
  await at.client.close("s");
  const receipt = await producer.send("b");
  const error = await failed(producer.flush(), "stream_closed", /never stored: 1/, LOST);
  ok(error.offset !== undefined);
  await failed(receipt.stored, "stream_closed", /never stored: 1/, LOST);
});

Deno.test("a batch that is too large is lost, and the server says how large it may be", async () => {
  const at = await fixture(new Fixture({ maxAppendBytes: 100 }));
  const producer = at.producer();
  await producer.send("a".repeat(101));
  await failed(producer.flush(), "too_large", /longer than/, LOST);
});

Deno.test("a stream that isn't there is a failure, with and without a known content type", async () => {
  const at = new ProducerFixture();
  const known = at.producer();
  await known.send("a");
  await failed(known.flush(), "not_found", /./, LOST);
  const asked = at.client.producer("s", { id: "p" });
  await failed(asked.send("a"), "not_found", /./, LOST);
  await failed(asked.flush(), "not_found", /./, LOST);
});

Deno.test("another content type than the stream's is a conflict", async () => {
  const at = await fixture();
  const producer = at.producer({ contentType: "application/json" });
  await producer.sendJson(1);
  await failed(producer.flush(), "conflict", /text\/plain/, LOST);
});

Deno.test("a batch without a response is unknown, those never sent after it are lost", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBatchMessages: 2, maxInFlight: 1, maxElapsedMs: 1_000 });
  at.transport.script = () => "lose";
  const receipts = [];
  for (const letter of "abcde") receipts.push(await producer.send(letter));
  await failed(
    at.outcome(producer.flush()),
    "network",
    /never stored: 3, .*may be: 2/,
    {
      lost: 3,
      unknown: 2,
    },
  );
  await failed(receipts[1]?.stored ?? drainEventLoop(), "network", /may be: 1/, UNKNOWN);
  await failed(receipts[2]?.stored ?? drainEventLoop(), "network", /never stored: 1/, LOST);
  equal(await at.server.content("s"), "ab");
});

Deno.test("behind a batch that was rejected, those in flight are lost, not unknown", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBatchMessages: 1 });
  await producer.send("0");
  await producer.flush();
  at.transport.script = ({ headers }) => headers["producer-seq"] === "2" ? { status: 400 } : "pass";
  at.transport.onResponse = ({ headers }) =>
    headers["producer-seq"] === "2" ? undefined : new Promise(() => {});
  for (const letter of "abcd") await producer.send(letter);
  // The answer to the first may be lost; the third can't be taken without the second.
  await failed(producer.flush(), "bad_request", /./, { lost: 3, unknown: 1 });
  // Nobody was told that the first is stored: it may become so only now.
  await drainEventLoop();
  equal(await at.server.content("s"), "0a");
});

Deno.test("fenced by a newer producer, an answered batch is lost and a repeated one unknown", async () => {
  const at = await fixture();
  const producer = at.producer({ maxBatchMessages: 1 });
  await producer.send("0");
  await producer.flush();
  at.transport.script = async (_, number) => {
    if (number !== 2) return "lose";
    await at.server.post("s", { ...TEXT, ...producerHeaders("p", 1, 0) }, "x");
    return "pass";
  };
  await producer.send("a");
  const receipt = await producer.send("b");
  await failed(at.outcome(producer.flush()), "stale_epoch", /stale/, {
    lost: 1,
    unknown: 1,
  });
  await failed(receipt.stored, "stale_epoch", /./, LOST);
  equal(await at.server.content("s"), "0ax");
});

Deno.test("a response that is none of this protocol leaves it unknown", async () => {
  const at = await fixture();
  at.transport.script = () => ({ status: 200, text: "<html>" });
  const producer = at.producer();
  await producer.send("a");
  await failed(producer.flush(), "invalid_response", /Stream-Next-Offset/, UNKNOWN);
});

Deno.test("what a custom transport throws is a ClientError for the producer", async () => {
  const at = await fixture();
  const own = new Error("the token can't be refreshed");
  at.transport.script = () => Promise.reject(own);
  const producer = at.producer();
  await producer.send("a");
  const error = await failed(producer.flush(), "network", /token can't be refreshed/, UNKNOWN);
  same(error.cause, own);
});

Deno.test("aborting the producer's signal ends everything with its reason", async () => {
  const at = await fixture();
  const { signal, abort } = abortable();
  const errors: unknown[] = [];
  const producer = at.producer({
    maxBatchMessages: 1,
    maxBufferedBytes: 600,
    signal,
    onError: (error) => errors.push(error),
  });
  at.transport.onResponse = () => new Promise(() => {});
  const receipts = [await producer.send("a"), await producer.send("b"), await producer.send("c")];
  const calls = [producer.send("d"), producer.flush(), producer.close()];
  const settled = Promise.allSettled([...calls, ...receipts.map(({ stored }) => stored)]);
  await drainEventLoop();
  abort("enough");
  for (const each of await settled) equal(each.status === "rejected" && each.reason, "enough");
  await rejects(producer.send("e"), (reason) => reason === "enough");
  await rejects(producer.closeStream(), (reason) => reason === "enough");
  equal(producer.undelivered, { lost: 3, unknown: 1 });
  equal(at.transport.requests.map((request) => request.signal?.aborted), [true]);
  await at.pass(60_000, 3);
  equal(at.transport.requests.length, 1);
  equal(at.clock.pendingTimers, 0);
  equal(errors, []);
});

Deno.test("aborted while it waits to try again, it doesn't", async () => {
  const at = await fixture();
  const { signal, abort } = abortable();
  at.transport.script = () => ({ status: 503 });
  const producer = at.client.producer("s", { id: "p", signal, lingerMs: 0 });
  const sent = producer.send("a");
  await at.pass(100, 2);
  abort("enough");
  await rejects(sent, (reason) => reason === "enough");
  const { length } = at.transport.requests;
  await at.pass(60_000, 3);
  equal(at.transport.requests.length, length);
  equal(at.clock.pendingTimers, 0);
});

Deno.test("a producer of an aborted signal takes nothing", async () => {
  const at = await fixture();
  const producer = at.producer({ signal: AbortSignal.abort("before") });
  await rejects(producer.send("a"), (reason) => reason === "before");
  await rejects(producer.flush(), (reason) => reason === "before");
  equal(at.transport.requests, []);
});

Deno.test("aborting after close changes nothing", async () => {
  const at = await fixture();
  const { signal, abort } = abortable();
  const producer = at.producer({ signal });
  const receipt = await producer.send("a");
  await producer.close();
  abort("late");
  await producer.close();
  await receipt.stored;
  equal(producer.undelivered, undefined);
});

Deno.test("a send that was given up while it waited is not counted", async () => {
  const at = await fixture();
  at.transport.script = () => ({ status: 400 });
  const producer = at.producer({ maxBufferedBytes: 300, maxBatchBytes: 100 });
  await producer.send("a".repeat(100));
  const { signal, abort } = abortable();
  const given = rejects(producer.send("b", { signal }), (reason) => reason === "enough");
  abort("enough");
  await given;
  await failed(producer.flush(), "bad_request", /./, LOST);
});

Deno.test("a JSON stream's messages are counted, not its batches", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", JSON_TYPE);
  at.transport.script = () => ({ status: 400 });
  const producer = at.producer({ contentType: "application/json" });
  for (let i = 0; i < 7; i++) await producer.sendJson([i, i]);
  await failed(producer.flush(), "bad_request", /never stored: 7/, { lost: 7, unknown: 0 });
});

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason: string) => controller.abort(reason) };
}
