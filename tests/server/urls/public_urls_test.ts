import { equal } from "node:assert/strict";
import { Hono } from "hono";
import { expectError, type Fields, Fixture, header, TEXT } from "../../support/fixture.ts";

/** Which URL a created stream has: the one that the client asked for (PROTOCOL §5.1). */

const PROXIED: Fields = {
  ...TEXT,
  host: "127.0.0.1:4437",
  "x-forwarded-proto": "https",
  "x-forwarded-host": "app.example",
  "x-forwarded-prefix": "/api",
};

type Send = (url: string, headers?: Fields) => Response | Promise<Response>;

const put = ({ app }: Pick<Fixture, "app">): Send => (url, headers = TEXT) =>
  app.request(url, { method: "PUT", headers });

async function locationOf(answer: Response | Promise<Response>): Promise<string> {
  const created = await answer;
  equal(created.status, 201);
  return header(created, "location");
}

Deno.test("Location is the URL that was asked for, without its query", async () => {
  const send = put(new Fixture());
  const url = "http://streams.example:8080/v1/stream/a%2Fb%20c/d";
  equal(await locationOf(send(`${url}?x=1`)), url);
});

Deno.test("without trustProxy what a proxy says changes nothing", async () => {
  const send = put(new Fixture());
  const headers = { ...PROXIED, forwarded: "proto=https;host=app.example" };
  equal(
    await locationOf(send("http://127.0.0.1/v1/stream/a", headers)),
    "http://127.0.0.1/v1/stream/a",
  );
});

Deno.test("without trustProxy a fork's source and a mounted app's Location are not what a proxy says", async () => {
  const served = new Fixture({ mountPath: "/m" });
  const send = put({ app: new Hono().mount("/m", served.app.fetch) });
  await served.make("a", TEXT);
  const url = "http://127.0.0.1/m/v1/stream/b";
  equal(await locationOf(send(url, PROXIED)), url);
  for (const source of ["/api/v1/stream/a", "https://app.example/v1/stream/a"]) {
    const answer = await send("http://127.0.0.1/m/v1/stream/f", {
      ...PROXIED,
      "stream-forked-from": source,
    });
    await expectError(answer, 400, "invalid_fork");
  }
});

const PUBLIC: readonly (readonly [string, Fields, string])[] = [
  ["http://127.0.0.1:4437", PROXIED, "https://app.example/api"],
  ["http://app.example", { "x-forwarded-proto": "https" }, "https://app.example"],
  ["http://app.example:8443", { "x-forwarded-proto": "https" }, "https://app.example:8443"],
  [
    "http://app.example",
    { "x-forwarded-proto": "https", "x-forwarded-port": "443" },
    "https://app.example",
  ],
  ["http://app.example:4437", { "x-forwarded-port": "8080" }, "http://app.example:8080"],
  ["http://[::1]:4437", { "x-forwarded-port": "8080" }, "http://[::1]:8080"],
  ["http://127.0.0.1:4437", { "x-forwarded-host": "app.example" }, "http://app.example"],
  [
    "http://127.0.0.1:4437",
    { "x-forwarded-host": "app.example", "x-forwarded-port": "8080" },
    "http://app.example:8080",
  ],
  [
    "http://127.0.0.1:4437",
    { "x-forwarded-host": "app.example:81", "x-forwarded-port": "8080" },
    "http://app.example:81",
  ],
  ["http://127.0.0.1:4437", { forwarded: "host=app.example;proto=https" }, "https://app.example"],
  ["http://127.0.0.1:4437", {}, "http://127.0.0.1:4437"],
  ["http://127.0.0.1:4437", { "x-forwarded-host": "a b" }, "http://127.0.0.1:4437"],
  ["http://127.0.0.1:4437", { ...PROXIED, "x-forwarded-prefix": "/../" }, "http://127.0.0.1:4437"],
];

for (const [origin, headers, known] of PUBLIC) {
  Deno.test(`trustProxy: ${JSON.stringify(headers)} to ${origin} is ${known}`, async () => {
    const send = put(new Fixture({ trustProxy: true }));
    const path = "/v1/stream/a/%E2%82%AC";
    equal(await locationOf(send(`${origin}${path}?x`, { ...TEXT, ...headers })), known + path);
  });
}

Deno.test("trustProxy: a fork's source is named as the client knows it, or as it comes here", async () => {
  const served = new Fixture({ trustProxy: true });
  const send = put(served);
  await served.make("a/b", TEXT, "x");
  const sources = [
    "/api/v1/stream/a/b",
    "https://app.example/api/v1/stream/a/b",
    "/v1/stream/a/b",
    "http://127.0.0.1:4437/v1/stream/a/b",
    "a/b",
  ];
  for (const [i, source] of sources.entries()) {
    const answer = send(`http://127.0.0.1:4437/v1/stream/f${i}`, {
      ...PROXIED,
      "stream-forked-from": source,
    });
    equal(await locationOf(answer), `https://app.example/api/v1/stream/f${i}`);
    equal(await served.content(`f${i}`), "x");
  }
  for (const source of ["https://evil.example/v1/stream/a/b", "/other/v1/stream/a/b"]) {
    const answer = await send("http://127.0.0.1:4437/v1/stream/g", {
      ...PROXIED,
      "stream-forked-from": source,
    });
    await expectError(answer, 400, "invalid_fork");
  }
});

Deno.test("trustProxy lets nobody in: the request's own Host and Origin decide", async () => {
  const served = new Fixture({ trustProxy: true, allowedHosts: [] });
  const forged = { ...PROXIED, "x-forwarded-host": "localhost" };
  const answer = await put(served)("http://evil.example/v1/stream/a", forged);
  await expectError(answer, 421, "host_not_allowed");
  const page = { ...PROXIED, origin: "https://app.example" };
  const foreign = await put(served)("http://127.0.0.1:4437/v1/stream/a", page);
  await expectError(foreign, 403, "origin_not_allowed");
});

const MOUNTS: readonly (readonly [string, (served: Fixture) => Hono])[] = [
  ["route()", ({ app }) => new Hono().route("/api", app)],
  ["basePath()", ({ app }) => new Hono().basePath("/api").route("/", app)],
  ["basePath() and route()", ({ app }) => new Hono().basePath("/a").route("/b", app)],
  ["route() in route()", ({ app }) => new Hono().route("/a", new Hono().route("/b", app))],
];

for (const [how, mount] of MOUNTS) {
  Deno.test(`Location under ${how} is the whole URL, and a fork's source is found by it`, async () => {
    const path = how.includes("in") || how.includes("and") ? "/a/b" : "/api";
    const send = put({ app: mount(new Fixture()) });
    const url = `http://localhost${path}/v1/stream/a`;
    equal(await locationOf(send(url)), url);
    const fork = `http://localhost${path}/v1/stream/f`;
    equal(await locationOf(send(fork, { "stream-forked-from": `${path}/v1/stream/a` })), fork);
  });
}

Deno.test("Location under mount(): mountPath says what that cuts off", async () => {
  for (const mountPath of ["/api", "/api/"]) {
    const served = new Fixture({ mountPath });
    const send = put({ app: new Hono().mount("/api", served.app.fetch) });
    const url = "http://localhost/api/v1/stream/a";
    equal(await locationOf(send(`${url}?x`)), url);
    const fork = "http://localhost/api/v1/stream/f";
    equal(await locationOf(send(fork, { "stream-forked-from": "/api/v1/stream/a" })), fork);
  }
});

Deno.test("Location under mount() that leaves the URL alone: the prefix is the whole path", async () => {
  const served = new Fixture({ prefix: "/api/v1/stream" });
  const outer = new Hono().mount("/api", served.app.fetch, { replaceRequest: false });
  const url = "http://localhost/api/v1/stream/a";
  equal(await locationOf(put({ app: outer })(url)), url);
});

Deno.test("Location behind a proxy and under mount(): the proxy's path comes first", async () => {
  const served = new Fixture({ mountPath: "/inner", trustProxy: true });
  const send = put({ app: new Hono().mount("/inner", served.app.fetch) });
  const answer = send("http://127.0.0.1/inner/v1/stream/a", PROXIED);
  equal(await locationOf(answer), "https://app.example/api/inner/v1/stream/a");
});
