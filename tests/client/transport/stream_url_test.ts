import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import { StreamUrls } from "../../../src/client/transport/stream_url.ts";
import { Fixture, TEXT } from "../../support/fixture.ts";
import { failed } from "../../support/client/producer_fixture.ts";

const urls = new StreamUrls("http://localhost:4437/v1/stream");

Deno.test("a name's segments are encoded, its slashes are not", () => {
  equal(urls.of("logs/demo"), "http://localhost:4437/v1/stream/logs/demo");
  equal(urls.of("/logs/demo"), "http://localhost:4437/v1/stream/logs/demo");
  equal(urls.of("a b?c#d%2F"), "http://localhost:4437/v1/stream/a%20b%3Fc%23d%252F");
  equal(urls.of("a//b"), "http://localhost:4437/v1/stream/a//b");
  equal(urls.pathOf("a b"), "/v1/stream/a%20b");
});

Deno.test("the base's trailing slashes and fragment don't count, its query stays", () => {
  equal(new StreamUrls("http://h/v1//").of("a"), "http://h/v1/a");
  equal(new StreamUrls("http://h/").of("a"), "http://h/a");
  equal(
    new StreamUrls("http://h/v1?key=1#x").of("a", { offset: "2" }),
    "http://h/v1/a?key=1&offset=2",
  );
});

Deno.test("the query is in the order of its keys, without what is undefined", () => {
  equal(
    urls.of("a", { offset: "1", live: "sse", cursor: undefined }),
    "http://localhost:4437/v1/stream/a?live=sse&offset=1",
  );
  equal(
    urls.ofListing({ prefix: "a b" }),
    "http://localhost:4437/v1/stream/__ds/streams?prefix=a+b",
  );
});

Deno.test("any name reaches the server as it is", async () => {
  const names = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .filter((name) =>
      name.isWellFormed() && !name.startsWith("/") &&
      !/(?:^|\/)\.{1,2}(?:\/|$)/.test(name)
    );
  const server = new Fixture();
  await fc.assert(
    fc.asyncProperty(names, async (name) => {
      const { pathname } = new URL(urls.of(name));
      const created = await server.put(pathname, TEXT);
      // Names with control characters and the like are refused, never taken for another name.
      if (created.status >= 400) return;
      const listed = await server.storage.list({ prefix: name, limit: 1 });
      equal(listed.streams[0]?.name, name);
    }),
    { numRuns: 200 },
  );
});

Deno.test("names and bases that can't be are rejected with what would be right", async () => {
  for (const name of ["", "/", ".", "..", "a/../b", "a/."]) {
    const made = Promise.resolve().then(() => urls.of(name));
    await failed(made, "invalid_argument", /expected logs\/demo or the like/);
  }
  const made = Promise.resolve().then(() => new StreamUrls("not a url"));
  await failed(made, "invalid_argument", /"not a url".*http:\/\/localhost:4437\/v1\/stream/);
});
