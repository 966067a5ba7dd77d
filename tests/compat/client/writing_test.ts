import { deepEqual, equal, match, ok } from "node:assert/strict";
import { DurableStream, DurableStreamError, FetchError, stream } from "@durable-streams/client";
import { RecordingFetch } from "../recording_fetch.ts";
import { OFFSET } from "../../support/offset.ts";
import { COMPAT_TARGETS, compatTest, sharedServer } from "../targets.ts";

/** The official client as it is: making, writing, closing, deleting, and what it throws. */

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain";

/** What a call rejects with. */
async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const error: Failure = await call.then(() => new Error("it succeeded"), (error) => error);
  return error;
}

/** What both of the client's errors have, as far as it is looked at here. */
interface Failure extends Error {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: object;
}

/** The call fails with this status, and with the server's headers where the error has them. */
async function failsWith(
  call: Promise<unknown>,
  status: number,
  headers: Record<string, string> = {},
): Promise<void> {
  const failure = await failureOf(call);
  ok(failure instanceof FetchError, String(failure));
  equal(failure.status, status);
  for (const [name, value] of Object.entries(headers)) equal(failure.headers?.[name], value);
}

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);
  const make = (contentType: string) =>
    DurableStream.create({ url: server.streamUrl(), contentType });
  const textOf = async (url: string) => await (await stream({ url, live: false })).text();
  const test = (name: string, run: () => Promise<void>) => compatTest(target, name, run);

  test("create, connect, head and delete: a stream's life, and what head tells of it", async () => {
    const url = server.streamUrl();
    deepEqual(await DurableStream.head({ url }), { exists: false });
    const made = await DurableStream.create({ url, contentType: TEXT_TYPE, body: "hello" });
    equal(made.contentType, TEXT_TYPE);
    const found = await DurableStream.connect({ url });
    equal(found.contentType, TEXT_TYPE);
    const head = await found.head();
    ok(head.exists);
    equal(head.streamClosed, false);
    ok(OFFSET.test(head.offset ?? ""));
    equal(await textOf(url), "hello");
    await DurableStream.delete({ url });
    deepEqual(await found.head(), { exists: false });
  });

  test("create with a life time or an end: the server tells it back", async () => {
    const tell = async (url: string, name: string) =>
      (await fetch(url, { method: "HEAD" })).headers.get(name);
    const { url: short } = await DurableStream.create({
      url: server.streamUrl(),
      contentType: TEXT_TYPE,
      ttlSeconds: 3600,
    });
    equal(await tell(short, "stream-ttl"), "3600");
    const expiresAt = "2199-01-02T03:04:05Z";
    const { url: bounded } = await DurableStream.create({
      url: server.streamUrl(),
      contentType: TEXT_TYPE,
      expiresAt,
    });
    equal(Date.parse(await tell(bounded, "stream-expires-at") ?? ""), Date.parse(expiresAt));
  });

  test("create closed: all there is, and nothing more", async () => {
    const url = server.streamUrl();
    await DurableStream.create({ url, contentType: TEXT_TYPE, body: "all", closed: true });
    const answer = await stream({ url });
    equal(await answer.text(), "all");
    equal(answer.streamClosed, true);
  });

  test("create again: the same is confirmed, another content type is 409", async () => {
    const { url } = await make(TEXT_TYPE);
    await DurableStream.create({ url, contentType: TEXT_TYPE });
    await failsWith(DurableStream.create({ url, contentType: JSON_TYPE }), 409);
  });

  test("what isn't there: 404 for reading, appending, deleting and connecting", async () => {
    const url = server.streamUrl();
    const handle = new DurableStream({ url, contentType: TEXT_TYPE });
    await failsWith(stream({ url, live: false }), 404);
    await failsWith(handle.append("x"), 404);
    await failsWith(handle.close(), 404);
    await failsWith(handle.delete(), 404);
  });

  test("onError may make what is missing, and the reader goes on", async () => {
    const url = server.streamUrl();
    const answer = await stream({
      url,
      live: false,
      onError: async (error: Failure) => {
        equal(error.status, 404);
        await DurableStream.create({ url, contentType: TEXT_TYPE, body: "made" });
        return {};
      },
    });
    equal(await answer.text(), "made");
  });

  test("append takes text, bytes and promises of them", async () => {
    const handle = await make(TEXT_TYPE);
    await handle.append("a");
    await handle.append(new TextEncoder().encode("b"));
    await handle.append(Promise.resolve("c"));
    equal(await textOf(handle.url), "abc");
  });

  for (const [contentType, expected] of [[JSON_TYPE, "json"], [TEXT_TYPE, "text"]] as const) {
    test(`appends of ${expected} that aren't awaited go in few requests, in order`, async () => {
      const wire = new RecordingFetch();
      const url = server.streamUrl();
      const handle = await DurableStream.create({ url, contentType, fetch: wire.fetch });
      const numbers = Array.from({ length: 100 }, (_, n) => n);
      await Promise.all(numbers.map((n) => handle.append(`${n}\n`)));
      const posts = wire.exchanges.filter(({ method }) => method === "POST");
      ok(posts.length < 10, `${posts.length} requests`);
      const answer = await stream({ url, live: false });
      if (expected === "json") deepEqual(await answer.json(), numbers);
      else equal(await answer.text(), numbers.map((n) => `${n}\n`).join(""));
    });
  }

  test("batching off: a request for each append", async () => {
    const wire = new RecordingFetch();
    const url = server.streamUrl();
    const options = { url, contentType: JSON_TYPE, fetch: wire.fetch, batching: false };
    const handle = await DurableStream.create(options);
    for (const n of [1, 2, 3]) await handle.append(String(n));
    equal(wire.exchanges.filter(({ method }) => method === "POST").length, 3);
    deepEqual(await (await stream({ url, live: false })).json(), [1, 2, 3]);
  });

  test("a seq that goes back is 409 and writes nothing", async () => {
    const handle = await make(TEXT_TYPE);
    await handle.append("a", { seq: "02" });
    await failsWith(handle.append("b", { seq: "01" }), 409);
    await handle.append("c", { seq: "03" });
    equal(await textOf(handle.url), "ac");
  });

  test("a content type that isn't the stream's is 409", async () => {
    const handle = await make(JSON_TYPE);
    await failsWith(handle.append("x", { contentType: TEXT_TYPE }), 409);
  });

  test("JSON that is none is 400, with the server's reason", async () => {
    const handle = await make(JSON_TYPE);
    const { status, json } = await failureOf(handle.append("{no json"));
    equal(status, 400);
    match(JSON.stringify(json), /invalid_json/);
  });

  test("appendStream sends an iterable and a readable stream as they come", async () => {
    const handle = await make(TEXT_TYPE);
    const parts = async function* () {
      yield "one ";
      yield new TextEncoder().encode("two ");
      yield await Promise.resolve("three ");
    };
    await handle.appendStream(parts());
    await handle.appendStream(ReadableStream.from(["four ", "five"]));
    equal(await textOf(handle.url), "one two three four five");
  });

  test("writable takes a pipe, writes it once and closes the stream", async () => {
    const handle = await make(TEXT_TYPE);
    const lines = Array.from({ length: 200 }, (_, n) => `line ${n}\n`);
    await ReadableStream.from(lines).pipeTo(handle.writable({ maxBatchBytes: 256, lingerMs: 0 }));
    const answer = await stream({ url: handle.url, live: false });
    equal(await answer.text(), lines.join(""));
    equal(answer.streamClosed, true);
  });

  test("a pipe that breaks leaves the stream open", async () => {
    const handle = await make(TEXT_TYPE);
    const writer = handle.writable({ lingerMs: 0 }).getWriter();
    await writer.write("kept");
    await writer.abort("enough");
    await handle.append("!");
    const head = await handle.head();
    ok(head.exists);
    equal(head.streamClosed, false);
  });

  test("close tells the final offset, each time, and is seen by head", async () => {
    const handle = await make(JSON_TYPE);
    await handle.append("1");
    const { finalOffset } = await handle.close({ body: '"last"' });
    deepEqual(await handle.close(), { finalOffset });
    const head = await handle.head();
    ok(head.exists);
    equal(head.streamClosed, true);
    equal(head.offset, finalOffset);
    deepEqual(await (await handle.stream()).json(), [1, "last"]);
  });

  test("a closed stream refuses: 409 with Stream-Closed and the final offset", async () => {
    const handle = await make(TEXT_TYPE);
    const { finalOffset } = await handle.close({ body: "end" });
    const told = { "stream-closed": "true", "stream-next-offset": finalOffset };
    await failsWith(handle.append("x"), 409, told);
    await failsWith(handle.close({ body: "again" }), 409, told);
    equal(await textOf(handle.url), "end");
  });

  test("head of a source that only its forks keep: 410 as the client's own error", async () => {
    const source = await make(TEXT_TYPE);
    const from = { "Stream-Forked-From": new URL(source.url).pathname };
    await DurableStream.create({ url: server.streamUrl(), headers: from });
    await source.delete();
    const failure = await failureOf(source.head());
    ok(failure instanceof DurableStreamError, String(failure));
    equal(failure.status, 410);
  });

  test("forks by headers, at the tail and at an offset, read and written on their own", async () => {
    const source = await make(JSON_TYPE);
    await source.append("1");
    const head = await source.head();
    ok(head.exists);
    await source.append("2");
    const path = new URL(source.url).pathname;
    const fork = async (headers: Record<string, string>) => {
      const url = server.streamUrl();
      await DurableStream.create({ url, headers: { "Stream-Forked-From": path, ...headers } });
      return await DurableStream.connect({ url });
    };
    const whole = await fork({});
    equal(whole.contentType, JSON_TYPE);
    const early = await fork({ "Stream-Fork-Offset": head.offset ?? "" });
    await whole.append('"whole"');
    await early.append('"early"');
    deepEqual(await (await whole.stream({ live: false })).json(), [1, 2, "whole"]);
    deepEqual(await (await early.stream({ live: false })).json(), [1, "early"]);
    deepEqual(await (await source.stream({ live: false })).json(), [1, 2]);
  });
}
