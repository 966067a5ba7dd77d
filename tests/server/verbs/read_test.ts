import { equal } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { BINARY, expectError, Fixture, JSON_TYPE, TEXT } from "../../support/fixture.ts";

/** PROTOCOL §5.6 and §8: catch-up reads. */

Deno.test("GET without an offset and with -1: from the start", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  for (const target of ["a", "a?offset=-1", `a?offset=${served.offset(0)}`]) {
    const answer = await served.get(target);
    equal(answer.status, 200);
    equal(answer.headers.get("content-type"), "text/plain");
    equal(answer.headers.get("stream-next-offset"), served.offset(5));
    equal(answer.headers.get("stream-up-to-date"), "true");
    equal(answer.headers.get("stream-closed"), null);
    equal(await answer.text(), "hello");
  }
});

Deno.test("GET from an offset in between: the rest", async () => {
  const served = new Fixture();
  const next = await served.make("a", TEXT, "hello ");
  await served.append("a", TEXT, "world");
  equal(await served.content(`a?offset=${next}`), "world");
});

Deno.test("GET at the tail: 200, empty, up to date, at the same offset", async () => {
  const served = new Fixture();
  const tail = await served.make("a", TEXT, "hello");
  const answer = await served.get(`a?offset=${tail}`);
  equal(answer.status, 200);
  equal(answer.headers.get("stream-next-offset"), tail);
  equal(answer.headers.get("stream-up-to-date"), "true");
  equal(await answer.text(), "");
});

Deno.test("GET of JSON at the tail: an empty array", async () => {
  const served = new Fixture();
  const tail = await served.make("a", JSON_TYPE, "[1]");
  equal(await served.content(`a?offset=${tail}`), "[]");
});

for (const [type, empty] of [["text/plain", ""], ["application/json", "[]"]] as const) {
  Deno.test(`GET of now, ${type}: nothing, the tail and no ETag`, async () => {
    const served = new Fixture();
    const tail = await served.make("a", { "content-type": type }, "[1]");
    const answer = await served.get("a?offset=now");
    equal(answer.status, 200);
    equal(answer.headers.get("content-type"), type);
    equal(answer.headers.get("stream-next-offset"), tail);
    equal(answer.headers.get("stream-up-to-date"), "true");
    equal(answer.headers.get("stream-closed"), null);
    equal(answer.headers.get("cache-control"), "no-store");
    equal(answer.headers.get("etag"), null);
    equal(await answer.text(), empty);
  });
}

Deno.test("GET of bytes: every byte comes back", async () => {
  const served = new Fixture();
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  await served.make("a", BINARY, bytes);
  equal(Buffer.compare(new Uint8Array(await (await served.get("a")).arrayBuffer()), bytes), 0);
});

Deno.test("GET of more than a chunk: chunks that end at messages' boundaries, the last up to date", async () => {
  const served = new Fixture({ chunkBytes: 4096 });
  await served.make("a", JSON_TYPE);
  const messages = Array.from({ length: 300 }, (_, i) => ({ i, text: "x".repeat(i) }));
  for (let i = 0; i < messages.length; i += 25) {
    await served.append("a", JSON_TYPE, JSON.stringify(messages.slice(i, i + 25)));
  }
  const seen: unknown[] = [];
  let next: string | null = served.offset(0);
  for (let upToDate: string | null = null; upToDate === null;) {
    const answer: Response = await served.get(`a?offset=${next}`);
    const text = await answer.text();
    equal(text.length <= 4096, true);
    seen.push(...JSON.parse(text));
    next = answer.headers.get("stream-next-offset");
    upToDate = answer.headers.get("stream-up-to-date");
  }
  equal(JSON.stringify(seen), JSON.stringify(messages));
});

Deno.test("GET of a message that is larger than a chunk: it comes whole", async () => {
  const served = new Fixture({ chunkBytes: 4096 });
  await served.make("a", TEXT, "a");
  await served.append("a", TEXT, "b".repeat(50_000));
  const tail = await served.append("a", TEXT, "c");
  equal(await served.content("a"), "a");
  const answer = await served.get(`a?offset=${served.offset(1)}`);
  equal(answer.headers.get("stream-up-to-date"), null);
  equal(await answer.text(), "b".repeat(50_000));
  equal(answer.headers.get("stream-next-offset"), served.offset(50_001));
  equal(
    (await served.get(`a?offset=${served.offset(50_001)}`)).headers.get("stream-next-offset"),
    tail,
  );
});

Deno.test("parameters that aren't the protocol's are ignored", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  equal(await served.content("a?x=1&offset=-1&token=y&cursor=zz"), "hello");
});

Deno.test("HEAD: the metadata without a body, never to be kept", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, "stream-ttl": "60" }, "hello");
  const answer = await served.head("a");
  equal(answer.status, 200);
  equal(answer.headers.get("content-type"), "text/plain");
  equal(answer.headers.get("stream-next-offset"), served.offset(5));
  equal(answer.headers.get("stream-ttl"), "60");
  equal(answer.headers.get("stream-expires-at"), null);
  equal(answer.headers.get("cache-control"), "no-store");
  equal(await answer.text(), "");
});

Deno.test("HEAD of a stream with an expiry: the moment in UTC", async () => {
  const served = new Fixture();
  await served.make("a", { "stream-expires-at": "2030-01-31T12:00:00+02:00" });
  const answer = await served.head("a");
  equal(answer.headers.get("stream-expires-at"), "2030-01-31T10:00:00.000Z");
  equal(answer.headers.get("stream-ttl"), null);
});

for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
  Deno.test(`${method} of a name without a stream: 404 with the name`, async () => {
    const body = method === "POST" ? "x" : undefined;
    const answer = await new Fixture().send(method, "a%2Fb", TEXT, body);
    equal(answer.status, 404);
    if (method !== "HEAD") await expectError(answer, 404, "not_found", /no stream "a\/b"/);
  });
}

Deno.test("DELETE: 204, then the stream is gone for every verb", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const answer = await served.delete("a");
  equal(answer.status, 204);
  equal(answer.headers.get("cache-control"), "no-store");
  equal((await served.get("a")).status, 404);
  equal((await served.head("a")).status, 404);
  equal((await served.post("a", TEXT, "x")).status, 404);
  equal((await served.delete("a")).status, 404);
});

Deno.test("PUT after DELETE: a new stream that starts empty, with nothing of the old one's writers", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  await served.append("a", { ...TEXT, "stream-seq": "9" }, "x");
  await served.delete("a");
  equal(await served.make("a", JSON_TYPE), served.offset(0, 2));
  await served.append("a", { ...JSON_TYPE, "stream-seq": "1" }, "1");
  equal(await served.content("a"), "[1]");
});
