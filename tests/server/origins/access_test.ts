import { deepEqual, equal, match } from "node:assert/strict";
import { configureSync, type LogRecord, resetSync } from "@logtape/logtape";
import { Hono } from "hono";
import {
  expectError,
  type Fields,
  Fixture,
  type FixtureOptions,
  TEXT,
} from "../../support/fixture.ts";

/** Which web pages, and which names of the server, get anything: everyone else is refused at the door. */

const EVIL = "https://evil.example";
const LISTING = "/v1/stream/__ds/streams";

/** A stream `a` with text in it, and every door that the app has. */
async function served(options: FixtureOptions = {}): Promise<Fixture> {
  const fixture = new Fixture({ listing: true, health: "/health", ...options });
  await fixture.make("a", { ...TEXT, "stream-ttl": "60" }, "hello");
  return fixture;
}

const REQUESTS:
  readonly (readonly [method: string, target: string, headers?: Fields, body?: string])[] = [
    ["GET", "a"],
    ["GET", "a?offset=now"],
    ["GET", "a?offset=-1&live=long-poll"],
    ["GET", "a?offset=-1&live=sse"],
    ["HEAD", "a"],
    ["POST", "a", TEXT, "!"],
    ["POST", "a", { "stream-closed": "true" }],
    ["PUT", "new", TEXT],
    ["PUT", "a", TEXT],
    ["DELETE", "a"],
    ["PATCH", "a"],
    ["OPTIONS", "a", { "access-control-request-method": "DELETE" }],
    ["OPTIONS", LISTING],
    ["GET", LISTING],
    ["GET", "/v1/stream/__ds/other"],
    ["GET", "/health"],
    ["GET", "/elsewhere"],
  ];

async function checkUntouched(fixture: Fixture): Promise<void> {
  equal(await fixture.content("a"), "hello");
  equal((await fixture.head("a")).headers.get("stream-closed"), null);
  equal((await fixture.head("new")).status, 404);
}

const FOREIGN: readonly (readonly [string, Fields])[] = [
  ["of another site's page", { origin: EVIL }],
  ["of another site's page, told twice", { origin: EVIL, "sec-fetch-site": "cross-site" }],
  ["of a page of the same site", {
    origin: "http://evil.localhost",
    "sec-fetch-site": "same-site",
  }],
  ["of a file or a sandboxed frame", { origin: "null" }],
  ["with an Origin that is none", { origin: "localhost" }],
];

for (const [title, page] of FOREIGN) {
  for (const [method, target, headers, body] of REQUESTS) {
    Deno.test(`${method} ${target} ${title}: 403 without any effect`, async () => {
      const fixture = await served();
      const answer = await fixture.send(method, target, { ...headers, ...page }, body);
      equal(answer.headers.get("access-control-allow-origin"), null);
      equal(answer.headers.get("cross-origin-resource-policy"), "same-site");
      await expectError(
        answer,
        403,
        "origin_not_allowed",
        /--cors \S+ lets them in .*DURABLE_STREAMS_CORS/,
      );
      await checkUntouched(fixture);
    });
  }
}

for (const [method, target] of REQUESTS.filter(([method]) => method !== "POST")) {
  Deno.test(`${method} ${target} that a page of another site embeds or links to: 403`, async () => {
    const fixture = await served();
    const answer = await fixture.send(method, target, { "sec-fetch-site": "cross-site" });
    await expectError(
      answer,
      403,
      "origin_not_allowed",
      /Pages of other sites.*--cors '\*' lets them in/,
    );
    await checkUntouched(fixture);
  });
}

Deno.test("a refused read doesn't count as use: the stream expires all the same", async () => {
  const fixture = await served();
  fixture.clock.advance(59_000);
  equal((await fixture.get("a", { origin: EVIL })).status, 403);
  fixture.clock.advance(1_000);
  equal((await fixture.get("a")).status, 404);
});

Deno.test("the refusal names the page's origin and the flag that lets it in", async () => {
  const answer = await (await served()).get("a", { origin: EVIL });
  await expectError(
    answer,
    403,
    "origin_not_allowed",
    /^Pages of https:\/\/evil\.example may not use this server: --cors https:\/\/evil\.example lets them in/,
  );
});

const WELCOME: readonly (readonly [string, Fields])[] = [
  ["of no page at all", {}],
  ["of a page of loopback", { origin: "http://localhost:3000", "sec-fetch-site": "same-site" }],
  ["of a page of loopback by address", {
    origin: "http://127.0.0.1:5173",
    "sec-fetch-site": "cross-site",
  }],
  ["of a page of the same origin", { origin: "http://localhost" }],
  ["of its own page behind a proxy", {
    origin: "https://app.example",
    "sec-fetch-site": "same-origin",
  }],
  ["typed by a person", { "sec-fetch-site": "none" }],
  ["of its own page without an Origin", { "sec-fetch-site": "same-origin" }],
];

for (const [title, page] of WELCOME) {
  Deno.test(`by default requests ${title} are served, the listing and the health, too`, async () => {
    const fixture = await served();
    equal((await fixture.send("OPTIONS", "a", page)).status, 204);
    equal((await fixture.put("new", { ...TEXT, ...page })).status, 201);
    equal((await fixture.post("a", { ...TEXT, ...page }, "!")).status, 204);
    for (const target of ["a", LISTING, "/health"]) {
      const answer = await fixture.get(target, page);
      equal(answer.status, 200);
      equal(answer.headers.get("access-control-allow-origin"), page["origin"] ?? null);
      equal(answer.headers.get("vary"), "origin");
      await answer.body?.cancel();
    }
    equal((await fixture.send("DELETE", "a", page)).status, 204);
  });
}

Deno.test("a page of the server's own name is served whatever the scheme, by no other's", async () => {
  const app = (await served()).app;
  const ask = (origin: string) =>
    app.request("http://app.example:8080/v1/stream/a", { headers: { origin } });
  equal((await ask("http://app.example:8080")).status, 200);
  equal((await ask("https://app.example:8080")).status, 200);
  equal((await ask("http://app.example")).status, 403);
  equal((await ask("capacitor://app.example:8080")).status, 403);
});

Deno.test("cors none: pages of the server's own origin only", async () => {
  const fixture = await served({ cors: "none" });
  equal((await fixture.get("a", { origin: "http://localhost:3000" })).status, 403);
  equal((await fixture.get("a", { origin: "http://localhost" })).status, 200);
  equal((await fixture.get("a")).status, 200);
});

Deno.test("cors with one origin: the same header for all, so that caches need not tell pages apart", async () => {
  const fixture = await served({ cors: "https://app.example" });
  for (const page of [{}, { origin: "https://app.example" }]) {
    for (const target of ["a", LISTING]) {
      const answer = await fixture.get(target, page);
      equal(answer.headers.get("access-control-allow-origin"), "https://app.example");
      equal(answer.headers.get("vary"), null);
    }
  }
  equal((await fixture.get("a", { origin: "http://localhost:3000" })).status, 403);
});

Deno.test("cors with several: each is told its own, and caches that responses differ", async () => {
  const fixture = await served({ cors: ["https://a.example", "loopback"] });
  for (const origin of ["https://a.example", "http://[::1]:3000"]) {
    const answer = await fixture.get("a", { origin });
    equal(answer.headers.get("access-control-allow-origin"), origin);
    equal(answer.headers.get("vary"), "origin");
    const again = { origin, "if-none-match": answer.headers.get("etag") ?? "" };
    const unchanged = await fixture.get("a", again);
    deepEqual([unchanged.status, unchanged.headers.get("vary")], [304, "origin"]);
  }
  const plain = await fixture.get("a");
  equal(plain.headers.get("access-control-allow-origin"), null);
  equal(plain.headers.get("vary"), "origin");
  equal((await fixture.get("a", { origin: "https://b.example" })).status, 403);
});

Deno.test("cors *: every page may use the streams, but the listing and the health only those that are named", async () => {
  const fixture = await served({ cors: "*,https://admin.example" });
  for (const page of [{ origin: EVIL }, { origin: "null" }, { "sec-fetch-site": "cross-site" }]) {
    const answer = await fixture.get("a", page);
    equal(answer.status, 200);
    equal(answer.headers.get("access-control-allow-origin"), "*");
    equal(answer.headers.get("cross-origin-resource-policy"), "cross-origin");
    equal(answer.headers.get("vary"), null);
    for (
      const target of [LISTING, "/health", "/v1/stream/__ds/other", "/v1/streams/__ds/streams"]
    ) {
      const control = await fixture.get(target, page);
      await expectError(
        control,
        403,
        "origin_not_allowed",
        /may not use the listing and the health/,
      );
    }
  }
  for (const origin of ["https://admin.example", "http://localhost:3000"]) {
    equal((await fixture.get(LISTING, { origin })).status, 200);
    equal((await fixture.get("/health", { origin })).status, 200);
  }
  equal((await fixture.get("__dsx", { origin: EVIL })).status, 404);
});

Deno.test("a page of the internet that may reach into the private network is told so", async () => {
  const ask = { "access-control-request-private-network": "true" };
  const fixture = await served({ cors: "https://app.example" });
  const told = await fixture.send("OPTIONS", "a", { origin: "https://app.example", ...ask });
  equal(told.headers.get("access-control-allow-private-network"), "true");
  const unasked = await fixture.send("OPTIONS", "a", { origin: "https://app.example" });
  equal(unasked.headers.get("access-control-allow-private-network"), null);
  equal((await fixture.send("OPTIONS", "a", { origin: EVIL, ...ask })).status, 403);
});

const STRANGE_HOSTS = [
  "rebound.example:4437",
  "localhost.rebound.example",
  "0.0.0.0:4437",
  "[::2]",
];

for (const host of STRANGE_HOSTS) {
  for (const [method, target, headers, body] of REQUESTS) {
    Deno.test(`${method} ${target} by the name ${host}: 421 without any effect`, async () => {
      const fixture = await served({ allowedHosts: [] });
      const path = target.startsWith("/") ? target : `/v1/stream/${target}`;
      const init: RequestInit = {
        method,
        headers: { ...headers, "sec-fetch-site": "same-origin" },
      };
      if (body !== undefined) init.body = body;
      const answer = await fixture.app.request(`http://${host}${path}`, init);
      await expectError(
        answer,
        421,
        "host_not_allowed",
        /none of this server's names/,
        /--allow-host/,
      );
      await checkUntouched(fixture);
    });
  }
}

Deno.test("the refusal of a name says which flag takes it", async () => {
  const { app } = await served({ allowedHosts: ["other.example"] });
  const answer = await app.request("http://app.example:8080/v1/stream/a");
  await expectError(
    answer,
    421,
    "host_not_allowed",
    /^The Host "app\.example:8080" .*--allow-host app\.example takes it \(DURABLE_STREAMS_ALLOW_HOST/,
  );
  equal((await app.request("http://OTHER.example:8080/v1/stream/a")).status, 200);
  equal((await app.request("http://[::1]:8080/v1/stream/a")).status, 200);
});

Deno.test("without allowedHosts, as in an app that is embedded, every name is taken", async () => {
  const { app } = await served();
  equal((await app.request("http://app.example/v1/stream/a")).status, 200);
});

Deno.test("an app that is mounted in another refuses the same, at its own paths only", async () => {
  const { app } = await served({ allowedHosts: [] });
  const outer = new Hono().get("/page", (context) => context.text("page")).route("/api", app);
  const ask = (path: string, headers: Fields = {}, host = "localhost") =>
    outer.request(`http://${host}${path}`, { headers });
  equal((await ask("/api/v1/stream/a")).status, 200);
  equal((await ask("/api/v1/stream/a", { origin: EVIL })).status, 403);
  equal((await ask("/api/v1/stream/a", {}, "rebound.example")).status, 421);
  equal((await ask("/page", { origin: EVIL }, "rebound.example")).status, 200);
});

Deno.test("refusals are in the log, with the flag, once in ten seconds however many there are", async () => {
  const lines: string[] = [];
  const sink = ({ message, level }: LogRecord) => lines.push(`${level} ${message.join("")}`);
  const loggers = [{ category: "durable-streams", sinks: ["lines"] }, {
    category: ["logtape", "meta"],
    sinks: [],
  }];
  configureSync({ reset: true, sinks: { lines: sink }, loggers });
  try {
    const fixture = await served({ allowedHosts: [] });
    for (let i = 0; i < 5; i++) await fixture.get("a", { origin: EVIL });
    await fixture.app.request("http://rebound.example/");
    equal(lines.length, 2);
    match(
      lines[0] ?? "",
      /^warning Pages of https:\/\/evil\.example .*--cors https:\/\/evil\.example/,
    );
    match(lines[1] ?? "", /^warning The Host "rebound\.example" .*--allow-host rebound\.example/);
    fixture.clock.advance(10_000);
    await fixture.get("a", { origin: "https://{level}.example\u00e9" });
    match(lines[2] ?? "", /^warning Pages of other sites.*\(4 more since the last such line\)$/);
  } finally {
    resetSync();
  }
});
