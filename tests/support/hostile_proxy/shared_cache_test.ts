import { deepEqual, equal, ok } from "node:assert/strict";
import { type Handler, type Served, withProxy } from "./kit.ts";
import { ManualClock } from "../manual_clock.ts";

interface Cached extends Served {
  readonly clock: ManualClock;
  /** Sends a GET: the body, or the status where there is none. */
  get(target?: string, headers?: Record<string, string>): Promise<string>;
  /** What the cache did for each request. */
  uses(): (string | undefined)[];
}

/** A cache before a server that answers 1, 2, ... with these headers. */
async function withCache(
  headers: Record<string, string>,
  test: (cached: Cached) => Promise<void>,
  handler?: Handler,
): Promise<void> {
  let times = 0;
  const clock = new ManualClock();
  const counting = () => new Response(String(++times), { headers });
  const options = { decide: () => ({ kind: "cache" }) as const, clock };
  await withProxy(options, handler ?? counting, async (served) => {
    await test({
      ...served,
      clock,
      get: async (target = "/", sent = {}) => {
        const answer = await served.send("GET", target, { headers: sent });
        return await answer.text() || String(answer.status);
      },
      uses: () => served.proxy.exchanges.map(({ cacheUse }) => cacheUse),
    });
  });
}

Deno.test("cache: a GET is kept by path and query until it is too old", async () => {
  await withCache({ "cache-control": "public, max-age=60" }, async ({ clock, get, uses }) => {
    equal(await get("/a?x"), "1");
    clock.advance(59_999);
    equal(await get("/a?x"), "1");
    equal(await get("/a?y"), "2");
    clock.advance(1);
    equal(await get("/a?x"), "3");
    deepEqual(uses(), ["miss", "hit", "miss", "miss"]);
  });
});

Deno.test("cache: a hit says its age, and knows its ETag", async () => {
  const headers = { "cache-control": "max-age=60", etag: '"e"' };
  await withCache(headers, async ({ clock, get, send }) => {
    await get();
    clock.advance(7000);
    const answer = await send("GET", "/");
    equal(answer.headers.get("age"), "7");
    equal(answer.headers.get("etag"), '"e"');
    equal(await answer.text(), "1");
    equal(await get("/", { "if-none-match": '"e"' }), "304");
    equal(await get("/", { "if-none-match": '"f"' }), "1");
  });
});

Deno.test("cache: pages of different origins get what was answered to theirs", async () => {
  const headers = { "cache-control": "max-age=60", vary: "Origin, accept-encoding" };
  await withCache(headers, async ({ get }) => {
    equal(await get("/"), "1");
    equal(await get("/", { origin: "http://a.test" }), "2");
    equal(await get("/", { origin: "http://b.test" }), "3");
    equal(await get("/", { origin: "http://a.test" }), "2");
    equal(await get("/"), "1");
  });
});

Deno.test("cache: within stale-while-revalidate the old one comes, and the next one is new", async () => {
  const headers = { "cache-control": "max-age=60, stale-while-revalidate=300" };
  await withCache(headers, async ({ clock, get, proxy, seen, uses }) => {
    await get();
    clock.advance(359_999);
    equal(await get(), "1");
    await proxy.until(({ index, serverStatuses }) => index === 1 && serverStatuses.length === 1);
    deepEqual(seen, ["GET /", "GET /"]);
    clock.advance(1);
    equal(await get(), "2");
    clock.advance(360_000);
    equal(await get(), "3");
    const [first, second, third, fourth] = uses();
    deepEqual([first, second, fourth], ["miss", "stale", "miss"]);
    // It may still be on its way from the server.
    ok(third === "hit" || third === "collapsed", third);
  });
});

for (
  const control of [
    "no-store",
    "no-cache",
    "private, max-age=60",
    "public",
    "max-age=0",
    "max-age=60, s-maxage=0",
  ]
) {
  Deno.test(`cache: ${control} isn't kept`, async () => {
    await withCache({ "cache-control": control }, async ({ get }) => {
      equal(await get(), "1");
      equal(await get(), "2");
    });
  });
}

Deno.test("cache: an event stream and what varies aren't kept, what varies by encoding is", async () => {
  const control = "max-age=60";
  for (
    const [name, value, second] of [
      ["content-type", "text/event-stream", "2"],
      ["vary", "authorization", "2"],
      ["vary", "accept-encoding", "1"],
    ] as const
  ) {
    await withCache({ "cache-control": control, [name]: value }, async ({ get }) => {
      await get();
      equal(await get(), second, `${name}: ${value}`);
    });
  }
});

Deno.test("cache: requests that are authorized or ask for a new answer pass, and so do other methods", async () => {
  await withCache({ "cache-control": "max-age=60" }, async ({ get, send, uses }) => {
    await get();
    equal(await get("/", { authorization: "Bearer x" }), "2");
    equal(await get("/", { "cache-control": "no-cache" }), "3");
    equal(await (await send("POST", "/", { body: "x" })).text(), "4");
    equal(await get(), "1");
    deepEqual(uses(), ["miss", "bypass", "bypass", "bypass", "hit"]);
  });
});

Deno.test("cache: identical GETs at the same time are one for the server", async () => {
  const answer = Promise.withResolvers<void>();
  await withCache({}, async ({ get, proxy, seen, uses }) => {
    const first = get();
    await proxy.until(({ forwards }) => forwards === 1);
    const others = [get(), get()];
    await proxy.until(({ index, fault }) => index === 2 && fault !== undefined);
    answer.resolve();
    deepEqual(await Promise.all([first, ...others]), ["news", "news", "news"]);
    deepEqual(seen, ["GET /"]);
    deepEqual(uses(), ["miss", "collapsed", "collapsed"]);
  }, async () => {
    await answer.promise;
    return new Response("news", { headers: { "cache-control": "public, max-age=60" } });
  });
});

Deno.test("cache: those who waited for an answer that can't be shared ask for themselves", async () => {
  const answer = Promise.withResolvers<void>();
  await withCache({}, async ({ get, proxy, seen }) => {
    const first = get();
    await proxy.until(({ forwards }) => forwards === 1);
    const other = get();
    await proxy.until(({ index, fault }) => index === 1 && fault !== undefined);
    answer.resolve();
    deepEqual(await Promise.all([first, other]), ["mine", "mine"]);
    deepEqual(seen, ["GET /", "GET /"]);
  }, async () => {
    await answer.promise;
    return new Response("mine", { headers: { "cache-control": "no-store" } });
  });
});
