import { equal } from "node:assert/strict";
import { BINARY, CLOSE, expectError, Fixture, JSON_TYPE, TEXT } from "../../support/fixture.ts";

Deno.test("PUT of a new name: 201 with its place, type and tail", async () => {
  const served = new Fixture();
  const answer = await served.put("a?x=1", TEXT);
  equal(answer.status, 201);
  equal(answer.headers.get("location"), "http://localhost/v1/stream/a");
  equal(answer.headers.get("content-type"), "text/plain");
  equal(answer.headers.get("stream-next-offset"), served.offset(0));
  equal(answer.headers.get("stream-closed"), null);
  equal(answer.headers.get("cache-control"), "no-store");
  equal(await answer.text(), "");
});

Deno.test("PUT with a body: it is the stream's first content", async () => {
  const served = new Fixture();
  equal(await served.make("a", TEXT, "hello"), served.offset(5));
  equal(await served.content("a"), "hello");
});

Deno.test("PUT without a type: application/octet-stream", async () => {
  const served = new Fixture();
  const answer = await served.put("a");
  equal(answer.headers.get("content-type"), "application/octet-stream");
  equal((await served.put("a", BINARY)).status, 200);
});

Deno.test("PUT with an empty JSON array: an empty stream", async () => {
  const served = new Fixture();
  equal(await served.make("a", JSON_TYPE, "[]"), served.offset(0));
  equal(await served.content("a"), "[]");
});

Deno.test("PUT again with the same configuration: 200 with the tail, and the body is left out", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, "stream-ttl": "60" }, "hello");
  const again = await served.put("a", { ...TEXT, "stream-ttl": "60" }, "hello");
  equal(again.status, 200);
  equal(again.headers.get("stream-next-offset"), served.offset(5));
  equal(again.headers.get("content-type"), "text/plain");
  equal(again.headers.get("location"), null);
  equal(await served.content("a"), "hello");
});

Deno.test("PUT again with other parameters of the type: 200 with the type as it was made", async () => {
  const served = new Fixture();
  await served.make("a", { "content-type": "text/plain; charset=utf-8" });
  const again = await served.put("a", { "content-type": "TEXT/PLAIN" });
  equal(again.status, 200);
  equal(again.headers.get("content-type"), "text/plain; charset=utf-8");
});

const EXPIRES = "2026-06-01T00:00:00Z";
const OTHERS: readonly (readonly [string, Record<string, string>, RegExp])[] = [
  ["another content type", { "content-type": "text/html" }, /another content type, text\/plain/],
  ["no content type, so the default", {}, /another content type/],
  ["another TTL", { ...TEXT, "stream-ttl": "61" }, /another TTL or expiry/],
  ["no TTL", TEXT, /another TTL or expiry/],
  ["an expiry for the TTL", { ...TEXT, "stream-expires-at": EXPIRES }, /another TTL or expiry/],
  ["closure", { ...TEXT, "stream-ttl": "60", ...CLOSE }, /already exists and is open\./],
];

for (const [title, headers, message] of OTHERS) {
  Deno.test(`PUT again with ${title}: 409`, async () => {
    const served = new Fixture();
    await served.make("a", { ...TEXT, "stream-ttl": "60" });
    await expectError(
      await served.put("a", headers),
      409,
      "stream_exists",
      /"a" already exists/,
      message,
    );
  });
}

Deno.test("PUT again with the same moment in another time zone: 200", async () => {
  const served = new Fixture();
  await served.make("a", { "stream-expires-at": EXPIRES });
  equal((await served.put("a", { "stream-expires-at": "2026-06-01T02:00:00+02:00" })).status, 200);
  equal((await served.put("a", { "stream-expires-at": "2026-06-01T02:00:00Z" })).status, 409);
});

Deno.test("many PUTs of one name at once: one makes it, the others find it", async () => {
  const served = new Fixture();
  const answers = await Promise.all(Array.from({ length: 20 }, () => served.put("a", TEXT, "x")));
  equal(answers.filter(({ status }) => status === 201).length, 1);
  equal(answers.filter(({ status }) => status === 200).length, 19);
  equal(await served.content("a"), "x");
});
