import { deepEqual, equal, match, throws } from "node:assert/strict";
import { Hono } from "hono";
import { createApp } from "../../../src/server/app.ts";
import { expectError, Fixture, header, JSON_TYPE, TEXT } from "../../support/fixture.ts";

/** The listing of all streams (an extension; PROTOCOL §6 reserves its place). */

const LISTING = "/v1/stream/__ds/streams";

async function listed(served: Fixture, query = "", path = LISTING) {
  const answer = await served.get(`${path}${query}`);
  equal(answer.status, 200);
  return JSON.parse(await answer.text());
}

function namesOf(page: { streams: { name: string }[] }): string[] {
  return page.streams.map(({ name }) => name);
}

async function withStreams(names: readonly string[]): Promise<Fixture> {
  const served = new Fixture({ listing: true });
  for (const name of names) await served.make(encodeURIComponent(name), TEXT);
  return served;
}

Deno.test("the listing tells what each stream is, in the order of names, and isn't kept by caches", async () => {
  const served = new Fixture({ listing: true });
  await served.make("logs/demo", TEXT, "hello");
  await served.make("c", { ...JSON_TYPE, "stream-closed": "true" });
  await served.make("b", { ...TEXT, "stream-ttl": "60" });
  await served.make("a", { ...TEXT, "stream-expires-at": "2030-01-31T14:00:00+02:00" });
  const answer = await served.get(LISTING);
  equal(answer.status, 200);
  equal(answer.headers.get("content-type"), "application/json");
  equal(answer.headers.get("cache-control"), "no-store");
  equal(answer.headers.get("access-control-allow-origin"), null);
  equal(answer.headers.get("x-content-type-options"), "nosniff");
  const contentType = "text/plain";
  deepEqual(JSON.parse(await answer.text()), {
    streams: [
      {
        name: "a",
        contentType,
        nextOffset: served.offset(0, 4),
        closed: false,
        expiresAt: "2030-01-31T12:00:00.000Z",
      },
      { name: "b", contentType, nextOffset: served.offset(0, 3), closed: false, ttlSeconds: 60 },
      { name: "c", contentType: "application/json", nextOffset: served.offset(0, 2), closed: true },
      { name: "logs/demo", contentType, nextOffset: served.offset(5), closed: false },
    ],
  });
});

Deno.test("without streams: an empty page, the last", async () => {
  deepEqual(await listed(new Fixture({ listing: true })), { streams: [] });
});

Deno.test("pages follow each other by `next` as `after`, and the last one has none", async () => {
  const served = await withStreams(["d", "a", "c", "b"]);
  const first = await listed(served, "?limit=3");
  deepEqual([namesOf(first), first.next], [["a", "b", "c"], "c"]);
  const last = await listed(served, `?limit=3&after=${first.next}`);
  deepEqual([namesOf(last), last.next], [["d"], undefined]);
  equal((await listed(served, "?limit=4")).next, undefined);
});

Deno.test("a page has 100 streams unless the request says otherwise", async () => {
  const names = Array.from({ length: 120 }, (_, i) => String(i + 1000));
  const served = await withStreams(names);
  const page = await listed(served);
  deepEqual([namesOf(page), page.next], [names.slice(0, 100), names[99]]);
  deepEqual(namesOf(await listed(served, "?limit=1000")), names);
  deepEqual(namesOf(await listed(served, "?limit=1")), [names[0]]);
});

Deno.test("names, prefix and after are decoded: what is a name elsewhere is one here", async () => {
  const served = await withStreams(["a b", "a+b", "a/b", "é/1", "é/2", "a%2Fb"]);
  deepEqual(namesOf(await listed(served)), ["a b", "a%2Fb", "a+b", "a/b", "é/1", "é/2"]);
  deepEqual(namesOf(await listed(served, "?prefix=%C3%A9%2F")), ["é/1", "é/2"]);
  deepEqual(namesOf(await listed(served, "?prefix=é/&after=é/1")), ["é/2"]);
  deepEqual(namesOf(await listed(served, "?prefix=a%20")), ["a b"]);
  deepEqual(namesOf(await listed(served, "?prefix=a%252F")), ["a%2Fb"]);
  deepEqual(namesOf(await listed(served, "?prefix=a%2B&x=y")), ["a+b"]);
});

for (const limit of ["0", "1001", "-1", "1.5", "1e2", "", " 5", "all", "9".repeat(400)]) {
  Deno.test(`limit=${limit.slice(0, 10)} is refused, saying what is taken`, async () => {
    const served = new Fixture({ listing: true });
    const target = `${LISTING}?limit=${encodeURIComponent(limit)}`;
    await expectError(await served.get(target), 400, "invalid_query", /expected 1 to 1000/);
  });
}

for (const name of ["limit", "prefix", "after"]) {
  Deno.test(`${name} given twice is refused`, async () => {
    const served = new Fixture({ listing: true });
    const target = `${LISTING}?${name}=1&${name}=2`;
    await expectError(
      await served.get(target),
      400,
      "invalid_query",
      new RegExp(`2 times ${name}`),
    );
  });
}

for (const method of ["PUT", "POST", "DELETE", "PATCH", "HEAD"]) {
  Deno.test(`${method} on the listing: 405 that says what is allowed`, async () => {
    const served = new Fixture({ listing: true });
    const answer = await served.send(method, LISTING, TEXT, method === "PUT" ? "x" : undefined);
    equal(answer.headers.get("allow"), "GET, OPTIONS");
    await expectError(answer, 405, "method_not_allowed", /expected one of GET, OPTIONS/);
  });
}

Deno.test("OPTIONS on the listing: what a browser asks before it reads across origins", async () => {
  const served = new Fixture({ listing: true });
  const answer = await served.send("OPTIONS", LISTING);
  equal(answer.status, 204);
  match(header(answer, "access-control-allow-methods"), /GET/);
});

Deno.test("the listing is off unless it is asked for: 404 that says how", async () => {
  const served = new Fixture();
  for (const method of ["GET", "POST", "PUT", "DELETE"]) {
    await expectError(
      await served.send(method, LISTING),
      404,
      "not_found",
      /start it with --listing/,
    );
  }
});

for (const rest of ["", "/", "/x", "/streams/", "/streams/a", "/streamsx", "%2Fstreams"]) {
  Deno.test(`__ds${rest} stays reserved where there is a listing`, async () => {
    const served = new Fixture({ listing: true });
    await expectError(
      await served.get(`/v1/stream/__ds${rest}`),
      400,
      "invalid_name",
      /is reserved/,
    );
  });
}

Deno.test("the listing behind the plural alias, another prefix and none", async () => {
  const served = await withStreams(["a"]);
  deepEqual(namesOf(await listed(served, "", "/v1/streams/__ds/streams")), ["a"]);
  for (const prefix of ["/logs", "/"]) {
    const other = new Fixture({ listing: true, prefix });
    const base = prefix === "/" ? "" : prefix;
    await other.put(`${base}/a`, TEXT);
    deepEqual(namesOf(await listed(other, "?limit=5", `${base}/__ds/streams`)), ["a"]);
  }
});

Deno.test("the listing says where a fork branches off, as an offset of the stream it shares bytes with", async () => {
  const served = await withStreams([]);
  await served.make("a", TEXT, "hello");
  await served.make("b", { "stream-forked-from": "/v1/stream/a" });
  await served.append("b", TEXT, "more");
  // It branches off within what its source has of its own source.
  const offset = served.offset(3);
  await served.make("c", { "stream-forked-from": "/v1/stream/b", "stream-fork-offset": offset });
  const { streams }: { streams: { name: string; forkOffset?: string }[] } = await listed(served);
  deepEqual(streams.map(({ name, forkOffset }) => [name, forkOffset]), [
    ["a", undefined],
    ["b", served.offset(5)],
    ["c", offset],
  ]);
});

Deno.test("the listing of an app that is mounted in another", async () => {
  const served = await withStreams(["a"]);
  const outer = new Hono().route("/api", served.app);
  const answer = await outer.request("/api/v1/stream/__ds/streams?prefix=a");
  equal(answer.status, 200);
  deepEqual(namesOf(JSON.parse(await answer.text())), ["a"]);
});

Deno.test("the listing has no URL where names aren't paths, and the option is refused there", async () => {
  const streamName = ({ url }: Request) => new URL(url).searchParams.get("name") ?? undefined;
  const served = new Fixture({ streamName });
  await served.put("/?name=a", TEXT, "hello");
  equal(await (await served.get(`${LISTING}?name=a`)).text(), "hello");
  await expectError(await served.get("/?name=__ds/streams"), 400, "invalid_name", /is reserved/);
  const { storage } = served;
  throws(() => createApp({ storage, streamName, listing: true }), /listing and streamName/);
});
