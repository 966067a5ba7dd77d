import { deepStrictEqual as equal, rejects } from "node:assert";
import { ClientError, type ClientErrorCode } from "../../../src/client/errors/client_error.ts";
import { JSON_TYPE, settle } from "../../support/fixture.ts";
import { AppKit } from "../../support/client/reader_kit.ts";

const MODES = ["auto", "sse", "long-poll"] as const;

function withCode(code: ClientErrorCode): (error: unknown) => boolean {
  return (error) => {
    equal(error instanceof ClientError ? error.code : error, code);
    return true;
  };
}

/** Neither the client nor the server, whose tables are swept every second, waits for anything. */
async function atRest(kit: AppKit): Promise<void> {
  await settle();
  kit.clock.advance(2_000);
  await settle();
  equal(kit.clock.pendingTimers, 0);
}

for (const readMode of MODES) {
  Deno.test(`a second read while one waits is rejected, and the first continues, ${readMode}`, async () => {
    const kit = new AppKit();
    await kit.make("s", JSON_TYPE);
    const reader = kit.client.reader("s", { readMode });
    await reader.read();
    const first = reader.read();
    await settle();
    await rejects(reader.read(), withCode("invalid_argument"));
    await rejects(reader[Symbol.asyncIterator]().next(), withCode("invalid_argument"));
    await rejects(reader.seekToTail(), withCode("invalid_argument"));
    await kit.append("s", JSON_TYPE, "[1]");
    equal((await kit.until(first)).messages.map((message) => message.json()), [1]);
    await reader.close();
  });

  Deno.test(`close while a read waits ends it, and what is asked later, ${readMode}`, async () => {
    const kit = new AppKit();
    await kit.make("s", JSON_TYPE);
    const reader = kit.client.reader("s", { readMode });
    await reader.read();
    const waiting = reader.read();
    await settle();
    await reader.close();
    await rejects(waiting, withCode("ended"));
    await rejects(reader.read(), withCode("ended"));
    await rejects(reader[Symbol.asyncIterator]().next(), withCode("ended"));
    await reader.close();
    await atRest(kit);
  });

  Deno.test(`a stream that is deleted while a reader waits ends it, ${readMode}`, async () => {
    const kit = new AppKit();
    await kit.make("s", JSON_TYPE, "[1]");
    const reader = kit.client.reader("s", { readMode });
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const value of reader.json()) seen.push(value);
    })();
    reading.catch(() => {});
    await settle();
    await kit.delete("s");
    await rejects(kit.until(reading), withCode("not_found"));
    equal(seen, [1]);
    await atRest(kit);
  });

  Deno.test(`a stream that is deleted and made anew isn't mixed with the old one, ${readMode}`, async () => {
    const kit = new AppKit();
    await kit.make("s", JSON_TYPE, "[1,2,3]");
    const reader = kit.client.reader("s", { readMode });
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const value of reader.json()) seen.push(value);
    })();
    const outcome = reading.then(() => undefined, (error: unknown) => error);
    await settle();
    await kit.delete("s");
    await kit.make("s", JSON_TYPE, "[7]");
    await kit.post("s", { ...JSON_TYPE, "stream-closed": "true" }, "[8]");
    const error = await kit.until(outcome);
    equal(error instanceof ClientError, true, `${error}`);
    equal(seen, [1, 2, 3]);
  });
}

Deno.test("reading to the end in one loop after another, each by its own iterator, sees all once", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3,4,5,6]");
  await kit.client.close("s");
  const reader = kit.client.reader("s");
  const seen: unknown[] = [];
  const iterators = [reader.json(), reader.json(), reader.json()];
  for (let i = 0; i < 6; i++) {
    const { value } = await iterators[i % 3]?.next() ?? {};
    seen.push(value);
  }
  equal(seen, [1, 2, 3, 4, 5, 6]);
  equal(reader.closed, true);
});

Deno.test("next() called without waiting is rejected, not answered twice", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3]");
  const reader = kit.client.reader("s");
  const iterator = reader.json();
  const outcomes = await Promise.allSettled([iterator.next(), iterator.next(), iterator.next()]);
  equal(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "rejected"]);
  const again = reader.json();
  equal((await again.next()).value, 2);
  await reader.close();
});

Deno.test("stream() that is cancelled in the middle leaves the reader where it was", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3]");
  const reader = kit.client.reader("s");
  const chunks = reader.stream().getReader();
  equal(new TextDecoder().decode((await chunks.read()).value), "1\n");
  await chunks.cancel();
  equal((await reader.json().next()).value, 2);
  await reader.close();
  await atRest(kit);
});

Deno.test("a producer that is used after its end says so, and nothing more is sent", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE);
  const producer = kit.client.producer("s", { id: "p" });
  await kit.until(producer.sendJson(1).then(({ stored }) => stored), 1);
  await kit.until(producer.close(), 1);
  const asked = kit.requests.length;
  await rejects(producer.sendJson(2), withCode("ended"));
  await rejects(producer.closeStream(), withCode("ended"));
  await producer.close();
  equal(kit.requests.length, asked);
});

Deno.test("a producer whose stream is deleted fails once, and nobody hears of it unasked", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE);
  const errors: ClientError[] = [];
  const producer = kit.client.producer("s", { id: "p", onError: (error) => errors.push(error) });
  await kit.until(producer.sendJson(1).then(({ stored }) => stored), 1);
  await kit.delete("s");
  // Their promises are let go: a rejection that nobody looks at must not end the process.
  for (let i = 0; i < 10; i++) void producer.sendJson(i).catch(() => {});
  await rejects(kit.until(producer.flush(), 1), withCode("not_found"));
  await settle();
  equal(errors.map(({ code }) => code), ["not_found"]);
  equal(producer.undelivered, { lost: 10, unknown: 0 });
});
