import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  createFetchWithBackoff,
  DurableStream,
  IdempotentProducer,
  StaleEpochError,
  stream,
} from "@durable-streams/client";
import { RecordingFetch } from "../recording_fetch.ts";
import { CuttingRelay } from "../cutting_relay.ts";
import { COMPAT_TARGETS, compatTest, sharedServer } from "../targets.ts";

/** The official client's producer as it is: each message once, in order, whatever goes wrong. */

const JSON_TYPE = "application/json";
const NUMBERS = Array.from({ length: 500 }, (_, n) => n);

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);
  const make = () => DurableStream.create({ url: server.streamUrl(), contentType: JSON_TYPE });
  const itemsOf = async (url: string) => await (await stream({ url, live: true })).json();
  const test = (name: string, run: () => Promise<void>) => compatTest(target, name, run);

  test("batches that are on their way side by side arrive once and in order", async () => {
    const handle = await make();
    const wire = new RecordingFetch();
    const options = { maxBatchBytes: 32, maxInFlight: 5, fetch: wire.fetch };
    const producer = new IdempotentProducer(handle, "p", options);
    for (const n of NUMBERS) producer.append(String(n));
    await producer.flush();
    deepEqual(await itemsOf(handle.url), NUMBERS);
    const batches = new Set(wire.exchanges.map(({ headers }) => headers.get("producer-seq")));
    ok(batches.size > 20, `${batches.size} batches`);
    const head = await handle.head();
    ok(head.exists);
    equal(producer.lastSuccessfulOffset, head.offset);
    await producer.detach();
  });

  test("a batch lingers for more: many appends, one request", async () => {
    const handle = await make();
    const wire = new RecordingFetch();
    const producer = new IdempotentProducer(handle, "p", { fetch: wire.fetch });
    for (const n of NUMBERS) producer.append(String(n));
    await producer.flush();
    equal(wire.exchanges.length, 1);
    deepEqual(await itemsOf(handle.url), NUMBERS);
  });

  test("autoClaim takes the epoch over, and the one before is fenced off", async () => {
    const handle = await make();
    const errors: Error[] = [];
    const onError = (error: Error) => {
      errors.push(error);
    };
    const first = new IdempotentProducer(handle, "p", { epoch: 3, onError });
    first.append("1");
    await first.flush();
    const second = new IdempotentProducer(handle, "p", { autoClaim: true, maxBatchBytes: 1 });
    for (const n of [2, 3, 4]) second.append(String(n));
    await second.flush();
    equal(second.epoch, 4);
    first.append('"too late"');
    await first.flush();
    const [error] = errors;
    ok(error instanceof StaleEpochError, String(error));
    match(String(error), /epoch: 4\./);
    deepEqual(await itemsOf(handle.url), [1, 2, 3, 4]);
  });

  test("restart begins a new epoch at 0 and writes on", async () => {
    const handle = await make();
    const producer = new IdempotentProducer(handle, "p", { epoch: 4 });
    producer.append("1");
    await producer.restart();
    equal(producer.epoch, 5);
    producer.append("2");
    await producer.flush();
    deepEqual(await itemsOf(handle.url), [1, 2]);
  });

  test("a lost batch: those behind it fail with it, and none of them is written", async () => {
    const handle = await make();
    const wire = new RecordingFetch();
    const errors: Error[] = [];
    const losing: typeof fetch = (input, init) => {
      const lost = new Headers(init?.headers).get("producer-seq") === "1";
      return lost ? Promise.reject(new TypeError("lost")) : wire.fetch(input, init);
    };
    const producer = new IdempotentProducer(handle, "p", {
      maxBatchBytes: 1,
      fetch: losing,
      onError: (error: Error) => {
        errors.push(error);
      },
    });
    for (const n of [0, 1, 2, 3]) producer.append(String(n));
    await producer.flush();
    deepEqual(errors.map(({ message }) => message), ["lost", "lost", "lost"]);
    const gap = wire.exchanges.find(({ status }) => status === 409)?.answerHeaders;
    ok(["0", "1"].includes(gap?.get("producer-expected-seq") ?? ""));
    ok(["2", "3"].includes(gap?.get("producer-received-seq") ?? ""));
    deepEqual(await itemsOf(handle.url), [0]);
  });

  test("an answer lost with its connection is asked for again, and written once", async () => {
    await using relay = await CuttingRelay.to(server.url);
    const { url } = await make();
    const handle = new DurableStream({ url: relay.through(url), contentType: JSON_TYPE });
    const producer = new IdempotentProducer(handle, "p", {
      maxBatchBytes: 200,
      maxInFlight: 1,
      fetch: createFetchWithBackoff(fetch, { initialDelay: 1, maxDelay: 10, multiplier: 1 }),
    });
    for (const n of NUMBERS) producer.append(String(n));
    relay.cutAnswers(5);
    await producer.flush();
    equal(relay.cuts, 5);
    deepEqual(await itemsOf(url), NUMBERS);
  });

  test("close with a last message whose answer is lost: closed once, the message once", async () => {
    await using relay = await CuttingRelay.to(server.url);
    const { url } = await make();
    const handle = new DurableStream({ url: relay.through(url), contentType: JSON_TYPE });
    const producer = new IdempotentProducer(handle, "p", {
      fetch: createFetchWithBackoff(fetch, { initialDelay: 1, maxDelay: 10, multiplier: 1 }),
    });
    producer.append("1");
    await producer.flush();
    relay.cutAnswers(1);
    const { finalOffset } = await producer.close('"last"');
    equal(relay.cuts, 1);
    deepEqual(await producer.close(), { finalOffset });
    const answer = await stream({ url, live: true });
    deepEqual(await answer.json(), [1, "last"]);
    equal(answer.streamClosed, true);
    equal(answer.offset, finalOffset);
  });
}
