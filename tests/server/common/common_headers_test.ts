import { equal, match, ok } from "node:assert/strict";
import { CLOSE, Fixture, header, producer, settle, TEXT } from "../../support/fixture.ts";

/** What browsers on other origins need, where all are let in, and what protects them (PROTOCOL §12.7). */

const OPEN = { cors: "*" };

const TOKENS = /\s*,\s*/;

function tokens(answer: Response, name: string): string[] {
  return header(answer, name).toLowerCase().split(TOKENS);
}

const REQUEST_HEADERS = [
  "content-type",
  "authorization",
  "if-none-match",
  "stream-seq",
  "stream-ttl",
  "stream-expires-at",
  "stream-closed",
  "stream-expected-offset",
  "stream-forked-from",
  "stream-fork-offset",
  "stream-fork-sub-offset",
  "stream-retention",
  "stream-trim-before",
  "producer-id",
  "producer-epoch",
  "producer-seq",
];

for (const name of REQUEST_HEADERS) {
  Deno.test(`preflight: the request header ${name} is allowed`, async () => {
    const answer = await new Fixture(OPEN).send("OPTIONS", "a", {
      origin: "https://app.test",
      "access-control-request-method": "PUT",
      "access-control-request-headers": name,
    });
    equal(answer.status, 204);
    ok(tokens(answer, "access-control-allow-headers").includes(name));
  });
}

Deno.test("preflight: every origin and verb, to be remembered for a day, of any URL", async () => {
  for (const path of ["a", "/v1/stream/", "/elsewhere"]) {
    const answer = await new Fixture(OPEN).send("OPTIONS", path);
    equal(answer.status, 204);
    equal(answer.headers.get("access-control-allow-origin"), "*");
    equal(answer.headers.get("access-control-max-age"), "86400");
    for (const method of ["get", "head", "put", "post", "delete"]) {
      ok(tokens(answer, "access-control-allow-methods").includes(method));
    }
    equal(await answer.text(), "");
  }
});

const RESPONSE_HEADERS = [
  "stream-next-offset",
  "stream-up-to-date",
  "stream-closed",
  "stream-cursor",
  "stream-ttl",
  "stream-expires-at",
  "stream-sse-data-encoding",
  "producer-epoch",
  "producer-seq",
  "producer-expected-seq",
  "producer-received-seq",
  "etag",
  "location",
  "retry-after",
];

for (const name of RESPONSE_HEADERS) {
  Deno.test(`scripts on other origins may read ${name}`, async () => {
    const served = new Fixture(OPEN);
    await served.make("a", TEXT);
    ok(tokens(await served.get("a"), "access-control-expose-headers").includes(name));
  });
}

/** What a browser adds to the requests of a page of another origin. */
const PAGE = { origin: "https://app.test" };

const ANSWERS: readonly (readonly [string, number, (served: Fixture) => Promise<Response>])[] = [
  ["a create", 201, (served) => served.put("new", TEXT)],
  ["a confirmed create", 200, (served) => served.put("a", TEXT)],
  ["a page's append", 204, (served) => served.post("a", { ...TEXT, ...PAGE }, "x")],
  [
    "a page's append by a producer",
    200,
    (served) => served.post("a", { ...TEXT, ...PAGE, ...producer("p", 0, 0) }, "x"),
  ],
  ["a page's close", 204, (served) => served.post("a", { ...CLOSE, ...PAGE })],
  ["a catch-up read", 200, (served) => served.get("a")],
  ["a read of now", 200, (served) => served.get("a?offset=now")],
  ["a 304", 304, (served) => served.get("a", { "if-none-match": "*" })],
  ["a long-poll", 200, (served) => served.get("a?offset=-1&live=long-poll")],
  ["an SSE response", 200, (served) => served.get("a?offset=-1&live=sse")],
  ["HEAD", 200, (served) => served.head("a")],
  ["DELETE", 204, (served) => served.delete("a")],
  ["OPTIONS", 204, (served) => served.send("OPTIONS", "a")],
  ["a 400", 400, (served) => served.get("a?offset=x")],
  ["a 403", 403, async (served) => {
    await served.post("a", { ...TEXT, ...producer("p", 1, 0) }, "x");
    return served.post("a", { ...TEXT, ...PAGE, ...producer("p", 0, 0) }, "x");
  }],
  ["a 404", 404, (served) => served.get("none")],
  ["a 404 for a URL that is no stream's", 404, (served) => served.get("/")],
  ["a 405", 405, (served) => served.send("PROPFIND", "a")],
  ["a 409", 409, (served) => served.put("a", CLOSE)],
  ["a 410", 410, async (served) => {
    await served.make("f", { "stream-forked-from": "/v1/stream/a" });
    await served.delete("a");
    return served.get("a");
  }],
  [
    "a 413",
    413,
    (served) => served.post("a", { ...TEXT, ...PAGE, "content-length": "999999999" }, "x"),
  ],
  ["a 503", 503, (served) => served.get(`a?offset=${served.offset(5)}&live=sse`)],
  ["a defect's 500", 500, (served) => {
    served.storage.head = () => Promise.reject(new TypeError("planted"));
    return served.head("a");
  }],
];

for (const [title, status, send] of ANSWERS) {
  Deno.test(`${title}: open to other origins, never sniffed`, async () => {
    // Room for the SSE response, and none for the 503.
    const served = new Fixture({ ...OPEN, maxLiveReaders: status === 503 ? 0 : 1 });
    await served.make("a", TEXT, "hello");
    const answer = await send(served);
    equal(answer.status, status);
    equal(answer.headers.get("access-control-allow-origin"), "*");
    match(header(answer, "access-control-expose-headers"), /Stream-Next-Offset/);
    equal(answer.headers.get("x-content-type-options"), "nosniff");
    equal(answer.headers.get("cross-origin-resource-policy"), "cross-origin");
    await answer.body?.cancel();
  });
}

Deno.test("a stored document runs no scripts where a browser shows it", async () => {
  const served = new Fixture();
  const types = ["text/HTML; charset=utf-8", "application/xhtml+xml", "image/svg+xml", "text/xsl"];
  for (const [index, type] of types.entries()) {
    const tail = await served.make(`a${index}`, { "content-type": type }, "<x/>");
    await served.append(`a${index}`, { "content-type": type }, "<y/>");
    for (const query of ["", `?offset=${tail}`, `?offset=${tail}&live=long-poll`, "?tail=1"]) {
      const answer = await served.get(`a${index}${query}`);
      equal([answer.status, answer.headers.get("content-security-policy")].join(), "200,sandbox");
    }
  }
  await served.make("text", TEXT, "x");
  equal((await served.get("text")).headers.get("content-security-policy"), null);
});

Deno.test("an append that no page sent: never sniffed, and nothing for other origins", async () => {
  const served = new Fixture(OPEN);
  await served.make("a", TEXT);
  const answer = await served.post("a", TEXT, "x");
  equal(answer.headers.get("x-content-type-options"), "nosniff");
  equal(answer.headers.get("access-control-allow-origin"), null);
  equal(answer.headers.get("access-control-expose-headers"), null);
});

Deno.test("a long-poll's 204: open to other origins, never sniffed", async () => {
  const served = new Fixture(OPEN);
  await served.make("a", TEXT);
  const waiting = served.get("a?offset=-1&live=long-poll");
  await settle();
  served.clock.advance(30_000);
  const answer = await waiting;
  equal(answer.status, 204);
  equal(answer.headers.get("access-control-allow-origin"), "*");
  equal(answer.headers.get("x-content-type-options"), "nosniff");
});
