import { equal, throws } from "node:assert/strict";
import { Hono } from "hono";
import type { AppOptions } from "../../src/server/common/options.ts";
import { createApp } from "../../src/server/app.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { expectError, Fixture, TEXT } from "../support/fixture.ts";

/** The app as a part of others: middleware, mounting, options, and defects. */

Deno.test("middleware of the outer app runs before every verb", async () => {
  const served = new Fixture();
  const seen: string[] = [];
  const outer = new Hono();
  outer.use("*", async (context, next) => {
    seen.push(context.req.method);
    await next();
    context.header("x-seen", "yes");
  });
  outer.route("/", served.app);
  for (const method of ["PUT", "GET", "HEAD", "DELETE"]) {
    const answer = await outer.request("/v1/stream/a", { method, headers: TEXT });
    equal(answer.headers.get("x-seen"), "yes");
    equal(answer.headers.get("x-content-type-options"), "nosniff");
  }
  equal(seen.join(), "PUT,GET,HEAD,DELETE");
});

Deno.test("middleware of the outer app may refuse: the stream is not touched", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const outer = new Hono();
  outer.use("*", (context) => Promise.resolve(context.text("no", 401)));
  outer.route("/", served.app);
  equal((await outer.request("/v1/stream/a", { method: "DELETE" })).status, 401);
  equal((await served.storage.head("a")).tail, 5);
});

Deno.test("a route of the outer app that comes first is answered by that app", async () => {
  const served = new Fixture();
  const outer = new Hono().get("/health", (context) => context.text("fine"));
  outer.route("/", served.app);
  equal(await (await outer.request("/health")).text(), "fine");
  const created = await outer.request("/v1/stream/a", { method: "PUT", headers: TEXT });
  equal(created.status, 201);
});

Deno.test("middleware or a route that is added to the app itself throws: it would never run", async () => {
  const { app } = new Fixture();
  for (let round = 0; round < 2; round++) {
    throws(
      () => app.use("*", (context) => Promise.resolve(context.text("no", 401))),
      /Can not add/,
    );
    throws(() => app.get("/health", (context) => context.text("fine")), /Can not add/);
    equal((await app.request("/v1/stream/a", { method: "PUT", headers: TEXT })).ok, true);
  }
});

Deno.test("mounted below a path by route(): the prefix comes after that path", async () => {
  const served = new Fixture();
  const outer = new Hono().route("/api", served.app);
  const send = async (method: string, path: string) =>
    await outer.request(path, { method, headers: TEXT });
  const created = await send("PUT", "/api/v1/stream/a/b");
  equal(created.status, 201);
  equal(created.headers.get("location"), "http://localhost/api/v1/stream/a/b");
  equal((await served.storage.head("a/b")).tail, 0);
  const head = await send("HEAD", "/api/v1/stream/a/b");
  equal(head.status, 200);
  equal(head.headers.get("stream-next-offset"), served.offset(0));
  const fork = await outer.request("/api/v1/stream/f", {
    method: "PUT",
    headers: { "stream-forked-from": "/api/v1/stream/a/b" },
  });
  equal(fork.status, 201);
});

Deno.test("mounted by mount(): served below that path", async () => {
  const served = new Fixture();
  const outer = new Hono().mount("/api", served.app.fetch);
  const answer = await outer.request("/api/v1/stream/a", { method: "PUT", headers: TEXT });
  equal(answer.status, 201);
  equal((await served.storage.head("a")).tail, 0);
});

Deno.test("two apps on one storage serve the same streams", async () => {
  const served = new Fixture();
  const other = createApp({ storage: served.storage, prefix: "/other" });
  await served.make("a", TEXT, "hello");
  equal(await (await other.request("/other/a")).text(), "hello");
});

Deno.test("a defect: 500 that gives nothing away, and the next request is served", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const { create } = served.storage;
  served.storage.create = () => Promise.reject(new TypeError("secret"));
  const answer = await served.put("b", TEXT);
  equal((await answer.clone().text()).includes("secret"), false);
  await expectError(answer, 500, "internal", /its log says more/);
  served.storage.create = create;
  equal(await served.content("a"), "hello");
});

Deno.test("a closed storage: 503 with Retry-After", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  await served.storage.close();
  for (const method of ["PUT", "POST", "DELETE"]) {
    const body = method === "DELETE" ? undefined : "x";
    const answer = await served.send(method, "a", TEXT, body);
    equal(answer.headers.get("retry-after"), "5");
    await expectError(answer, 503, "storage_closed");
  }
});

const BAD_OPTIONS: readonly (readonly [Partial<AppOptions>, RegExp])[] = [
  [{ longPollTimeoutMs: -1 }, /longPollTimeoutMs is -1: it has to be at least 0/],
  [{ sseCloseAfterMs: 0 }, /sseCloseAfterMs is 0/],
  [{ sseKeepAliveMs: 0 }, /sseKeepAliveMs is 0/],
  [{ sseBufferBytes: NaN }, /sseBufferBytes is NaN/],
  [{ maxAppendBytes: 0 }, /maxAppendBytes is 0/],
  [{ chunkBytes: 4095 }, /chunkBytes is 4095: it has to be at least 4096/],
  [{ maxLiveReaders: -1 }, /maxLiveReaders is -1/],
  [{ bodyTimeoutMs: 0 }, /bodyTimeoutMs is 0/],
  [{ prefix: "v1/stream" }, /prefix "v1\/stream" is not a path/],
  [{ prefix: "/v1/stream?x" }, /is not a path: expected something like \/v1\/stream/],
  [{ prefix: "/v1//stream" }, /is not a path/],
  [{ mountPath: "api" }, /mountPath "api" is not a path: expected something like \/api\./],
  [{ welcome: true, streamName: () => "a" }, /welcome and streamName are both given/],
];

for (const [options, message] of BAD_OPTIONS) {
  Deno.test(`createApp with ${JSON.stringify(options)}: a RangeError`, () => {
    const storage = createMemoryStorage();
    throws(() => createApp({ storage, ...options }), { name: "RangeError", message });
  });
}

Deno.test("a slash at the prefix's end counts for nothing", async () => {
  const served = new Fixture({ prefix: "/logs/" });
  equal((await served.put("/logs/a", TEXT)).status, 201);
});

Deno.test("HEAD doesn't say that a stream with data has 0 bytes", async () => {
  const served = new Fixture();
  await served.make("a", { "content-type": "text/plain" }, "some");
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, served.app.fetch);
  try {
    const url = `http://127.0.0.1:${server.addr.port}/v1/stream/a`;
    const answer = await fetch(url, { method: "HEAD" });
    equal(answer.status, 200);
    equal(answer.headers.get("content-length"), null);
    equal(answer.headers.get("content-type"), "text/plain");
    const missing = await fetch(`${url}/b`, { method: "HEAD" });
    equal(missing.status, 404);
  } finally {
    await server.shutdown();
  }
});
