import { equal, match, notEqual } from "node:assert/strict";
import { CLOSE, Fixture, type FixtureOptions, header, TEXT } from "../../support/fixture.ts";

/** PROTOCOL §10.1: entity tags and what caches may keep. */

async function hello(options?: FixtureOptions): Promise<{ served: Fixture; etag: string }> {
  const served = new Fixture(options);
  await served.make("a", TEXT, "hello");
  return { served, etag: header(await served.get("a"), "etag") };
}

const MATCHING: readonly (readonly [string, (etag: string) => string])[] = [
  ["the tag itself", (etag) => etag],
  ["the tag weakened by a proxy", (etag) => `W/${etag}`],
  ["a list with the tag in it", (etag) => `"x", W/${etag}, "y"`],
  ["a star", () => "*"],
];

for (const [title, value] of MATCHING) {
  Deno.test(`If-None-Match with ${title}: 304 without a body, with the headers of the 200`, async () => {
    const { served, etag } = await hello();
    const answer = await served.get("a", { "if-none-match": value(etag) });
    equal(answer.status, 304);
    equal(answer.headers.get("etag"), etag);
    equal(answer.headers.get("stream-next-offset"), served.offset(5));
    equal(answer.headers.get("stream-up-to-date"), "true");
    match(header(answer, "cache-control"), /^public/);
    equal(await answer.text(), "");
  });
}

Deno.test("If-None-Match with another tag: 200 with the data", async () => {
  const { served } = await hello();
  const answer = await served.get("a", { "if-none-match": `"x"` });
  equal(answer.status, 200);
  equal(await answer.text(), "hello");
});

Deno.test("more data changes the tag", async () => {
  const { served, etag } = await hello();
  await served.append("a", TEXT, "!");
  equal((await served.get("a", { "if-none-match": etag })).status, 200);
});

Deno.test("closure without data changes the tag: no 304 hides it", async () => {
  const { served, etag } = await hello();
  await served.append("a", CLOSE, undefined);
  const answer = await served.get("a", { "if-none-match": etag });
  equal(answer.status, 200);
  equal(answer.headers.get("stream-closed"), "true");
  notEqual(answer.headers.get("etag"), etag);
});

Deno.test("closure changes the tag of the empty response at the tail", async () => {
  const { served } = await hello();
  const target = `a?offset=${served.offset(5)}`;
  const etag = header(await served.get(target), "etag");
  equal((await served.get(target, { "if-none-match": etag })).status, 304);
  await served.append("a", CLOSE, undefined);
  const answer = await served.get(target, { "if-none-match": etag });
  equal(answer.status, 200);
  equal(answer.headers.get("stream-closed"), "true");
});

Deno.test("a chunk before the last keeps its tag when the stream is closed", async () => {
  const served = new Fixture({ chunkBytes: 4096 });
  await served.make("a", TEXT, "x".repeat(5000));
  await served.append("a", TEXT, "y");
  const etag = header(await served.get("a"), "etag");
  await served.append("a", CLOSE, undefined);
  equal((await served.get("a", { "if-none-match": etag })).status, 304);
});

Deno.test("a stream made again never matches the old one's tag", async () => {
  const { served, etag } = await hello();
  await served.delete("a");
  await served.make("a", TEXT, "HELLO");
  const answer = await served.get("a", { "if-none-match": etag });
  equal(answer.status, 200);
  equal(await answer.text(), "HELLO");
});

Deno.test("two storages never give the same tag", async () => {
  notEqual((await hello()).etag, (await hello()).etag);
});

Deno.test("If-None-Match on a read of now is ignored: there is nothing to compare with", async () => {
  const { served } = await hello();
  equal((await served.get("a?offset=now", { "if-none-match": "*" })).status, 200);
});

Deno.test("a chunk may be kept for a minute and served stale for five", async () => {
  const { served } = await hello();
  const expected = "public, max-age=60, stale-while-revalidate=300";
  equal((await served.get("a")).headers.get("cache-control"), expected);
  const live = await served.get("a?offset=-1&live=long-poll");
  equal(live.headers.get("cache-control"), expected);
});

Deno.test("private: true says private of every chunk", async () => {
  const { served } = await hello({ private: true });
  equal(
    (await served.get("a")).headers.get("cache-control"),
    "private, max-age=60, stale-while-revalidate=300",
  );
});

Deno.test("private as a function says it of the streams that it names", async () => {
  const { served } = await hello({ private: (name) => name.startsWith("users/") });
  await served.make("users/1", TEXT, "hello");
  match(header(await served.get("a"), "cache-control"), /^public,/);
  match(header(await served.get("users%2F1"), "cache-control"), /^private,/);
});

const LIVES: readonly (readonly [string, Record<string, string>, string])[] = [
  ["a TTL of 30 s", { "stream-ttl": "30" }, "public, max-age=30"],
  ["a TTL of 100 s", { "stream-ttl": "100" }, "public, max-age=60, stale-while-revalidate=40"],
  ["a TTL of an hour", { "stream-ttl": "3600" }, "public, max-age=60, stale-while-revalidate=300"],
  [
    "an expiry in 20.5 s",
    { "stream-expires-at": "2026-01-01T00:00:20.500Z" },
    "public, max-age=20",
  ],
  ["an expiry in 0.5 s", { "stream-expires-at": "2026-01-01T00:00:00.500Z" }, "public, max-age=0"],
];

for (const [title, headers, expected] of LIVES) {
  Deno.test(`a stream with ${title}: ${expected}`, async () => {
    const served = new Fixture();
    await served.make("a", { ...TEXT, ...headers }, "hello");
    equal((await served.get("a")).headers.get("cache-control"), expected);
  });
}

Deno.test("empty and not yet responses must not be kept", async () => {
  const { served } = await hello();
  const tail = served.offset(5);
  equal((await served.get(`a?offset=${tail}`)).headers.get("cache-control"), "no-store");
  equal((await served.get("a?offset=now")).headers.get("cache-control"), "no-store");
  equal((await served.get("b")).headers.get("cache-control"), "no-store");
  const waiting = served.get(`a?offset=${tail}&live=long-poll`);
  await Promise.resolve();
  const next = served.get(`a?offset=now&live=long-poll`);
  await served.append("a", TEXT, "!");
  match(header(await waiting, "cache-control"), /^public/);
  equal((await next).headers.get("cache-control"), "no-store");
});
