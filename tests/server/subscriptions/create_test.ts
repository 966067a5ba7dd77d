import { deepEqual, equal, match, ok } from "node:assert/strict";
import { expectError, Fixture, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { HOOK, SubscriptionFixture } from "../../support/subscription_fixture.ts";

/** PROTOCOL §6, §6.1 and §6.2: where subscriptions are, and how they are made. */

const WEBHOOK = { type: "webhook", pattern: "events/*", webhook: { url: HOOK } };
const PULL = { type: "pull-wake", pattern: "events/*", wake_stream: "wake/pool" };

Deno.test("§6 Servers MUST route the reserved __ds prefix before normal stream operations", async () => {
  const served = new SubscriptionFixture();
  equal((await served.control("PUT", "a", WEBHOOK)).status, 201);
  equal((await served.control("GET", "a")).status, 200);
  equal((await served.control("POST", "a/streams", { streams: ["x"] })).status, 204);
  equal((await served.control("DELETE", "a")).status, 204);
  equal((await served.storage.list({ limit: 10 })).streams.length, 0);
});

Deno.test("§6 Application stream paths whose first segment is __ds are reserved", async () => {
  const served = new SubscriptionFixture();
  for (const method of ["PUT", "POST", "GET", "HEAD", "DELETE"]) {
    const answer = await served.send(
      method,
      "__ds/other",
      TEXT,
      method[0] === "P" ? "x" : undefined,
    );
    equal(answer.status, 400, method);
  }
  // Only that whole first segment is.
  for (const name of ["__dsx", "a/__ds/subscriptions/x", "__d"]) await served.stream(name, "x");
});

Deno.test("§6 the plural of the prefix has the same subscriptions", async () => {
  const served = new SubscriptionFixture();
  const init = { method: "PUT", body: JSON.stringify(WEBHOOK) };
  equal((await served.app.request("/v1/streams/__ds/subscriptions/a", init)).status, 201);
  equal((await served.control("GET", "a")).status, 200);
});

Deno.test("§6.1 The subscription id is client-provided and unique: any text of one segment", async () => {
  const served = new SubscriptionFixture();
  const ids = [
    "a",
    "A",
    "ü ö",
    "a.b",
    "..x",
    "100%",
    "a?b#c",
    "日本",
    "__proto__",
    "constructor",
    "a+b",
  ];
  for (const id of ids) await served.subscribe(encodeURIComponent(id));
  for (const id of ids) {
    const found = await served.show(encodeURIComponent(id));
    equal(found.id, id);
    equal(found.subscription_id, id);
  }
});

Deno.test("§6.1 an id that can't be used is 400, and the body names the field", async () => {
  const served = new SubscriptionFixture();
  for (const id of ["a%2Fb", "%00", "a%0Ab", "%ff", "%E0%A4%A", "%7f", "x".repeat(257)]) {
    const answer = await served.control("PUT", id, WEBHOOK);
    const { error } = await answer.clone().json();
    await expectError(answer, 400, "INVALID_REQUEST", /\bid\b/);
    equal(error.field, "id", id);
  }
});

Deno.test("§6.1 explicit takes precedence where a stream is linked by a pattern too", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "x");
  await served.stream("events/b", "x");
  const made = await served.subscribe("s", { pattern: "events/*", streams: ["events/a"] });
  deepEqual(
    made.streams.map(({ path, link_type }: Record<string, string>) => [path, link_type]),
    [["events/a", "explicit"], ["events/b", "glob"]],
  );
});

Deno.test("§6.1 Removing the explicit link does not remove the glob link", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "abc");
  await served.subscribe("s", { pattern: "events/*", streams: ["events/a", "other"] });
  equal((await served.control("DELETE", "s/streams/events/a")).status, 204);
  deepEqual(
    (await served.show("s")).streams.map((link: Record<string, string>) => [
      link.path,
      link.link_type,
      link.acked_offset,
    ]),
    [["events/a", "glob", served.offset(3)], ["other", "explicit", "-1"]],
  );
  await served.write("events/a");
  equal(served.lastWake().streams[0]?.link_type, "glob");
});

Deno.test("§6.2 201 Subscription created, with all its fields", async () => {
  const served = new SubscriptionFixture();
  const made = await served.subscribe("sub-1", {
    pattern: "events/*",
    streams: ["events/manual-b", "events/manual-a"],
    lease_ttl_ms: 5000,
    description: "event processor",
  });
  const { webhook, ...rest } = made;
  deepEqual(rest, {
    id: "sub-1",
    subscription_id: "sub-1",
    type: "webhook",
    pattern: "events/*",
    wake_stream: null,
    lease_ttl_ms: 5000,
    created_at: "2026-01-01T00:00:00.000Z",
    status: "active",
    description: "event processor",
    phase: "idle",
    generation: 0,
    holder: null,
    wake_at: null,
    due_at: null,
    failures: 0,
    last_failure: null,
    lag: { streams: 0 },
    streams: [
      { path: "events/manual-a", link_type: "explicit", acked_offset: "-1" },
      { path: "events/manual-b", link_type: "explicit", acked_offset: "-1" },
    ],
  });
  equal(webhook.url, HOOK);
});

Deno.test("§6.2 a created pull-wake subscription has its wake stream and no webhook", async () => {
  const served = new SubscriptionFixture();
  const made = await served.pool("p", { streams: ["events/x"] });
  equal(made.webhook, null);
  equal(made.wake_stream, "wake/pool");
  equal(made.pattern, null);
  equal(made.description, null);
  equal(made.type, "pull-wake");
});

Deno.test("§6.2 lease_ttl_ms: from 1 second to 10 minutes, default 30 seconds", async () => {
  const served = new SubscriptionFixture();
  equal((await served.subscribe("default")).lease_ttl_ms, 30_000);
  for (const lease of [1000, 600_000]) {
    equal(
      (await served.subscribe(`l${lease}`, { pattern: "a", lease_ttl_ms: lease })).lease_ttl_ms,
      lease,
    );
  }
  for (const lease of [999, 600_001, 0, -1, 1500.5, "30000", true, [1000], 1e300]) {
    const answer = await served.control("PUT", "bad", { ...WEBHOOK, lease_ttl_ms: lease });
    equal((await answer.clone().json()).error.field, "lease_ttl_ms");
    await expectError(answer, 400, "INVALID_REQUEST", /lease_ttl_ms/, /1000 to 600000/);
  }
});

Deno.test("§6.2 At least one of pattern or streams MUST be present", async () => {
  const served = new SubscriptionFixture();
  for (const spec of [{}, { streams: [] }, { pattern: null }, { pattern: null, streams: null }]) {
    const answer = await served.control("PUT", "a", {
      type: "webhook",
      webhook: { url: HOOK },
      ...spec,
    });
    equal((await answer.clone().json()).error.field, "pattern");
    await expectError(answer, 400, "INVALID_REQUEST", /pattern/, /streams/);
  }
  await served.subscribe("p", { pattern: "x" });
  await served.subscribe("s", { streams: ["x"] });
});

Deno.test("§6.2 glob rules: * matches one path segment and ** matches zero or more", async () => {
  const names = ["g", "g/a", "g/a/b", "h/g", "g/x/b", "gh"];
  const expected: Record<string, string[]> = {
    "g/*": ["g/a"],
    "g/**": ["g", "g/a", "g/a/b", "g/x/b"],
    "**": names,
    "*": ["g", "gh"],
    "g/*/b": ["g/a/b", "g/x/b"],
    "**/b": ["g/a/b", "g/x/b"],
    "**/g/**": ["g", "g/a", "g/a/b", "h/g", "g/x/b"],
    "g/a": ["g/a"],
  };
  for (const [pattern, matching] of Object.entries(expected)) {
    const served = new SubscriptionFixture();
    // Backfilled, and discovered later: the same rules.
    for (const name of names) await served.stream(name, "x");
    const made = await served.subscribe("s", { pattern });
    deepEqual(
      made.streams.map(({ path }: { path: string }) => path),
      [...matching].sort(),
      pattern,
    );
    for (const name of names) await served.delete(name);
    const woken: string[] = [];
    served.endpoint.script = ({ body }) => {
      const { streams } = JSON.parse(new TextDecoder().decode(body));
      for (const { path } of streams) woken.push(path);
      return { status: 200, body: '{"done":true}' };
    };
    for (const name of names) await served.stream(name, "x");
    deepEqual(woken.sort(), [...matching].sort(), pattern);
  }
});

Deno.test("§6.2 a pattern that is none is 400, and nothing is made", async () => {
  const served = new SubscriptionFixture();
  for (
    const pattern of [
      "",
      "/a",
      "a*",
      "a/b*c",
      "__ds/**",
      "a/../b",
      "\u0000",
      "x".repeat(1025),
      7,
      {},
    ]
  ) {
    const answer = await served.control("PUT", "a", { ...WEBHOOK, pattern });
    equal((await answer.clone().json()).error.field, "pattern", String(pattern));
    await expectError(answer, 400, "INVALID_REQUEST", /pattern/);
    await expectError(await served.control("GET", "a"), 404, "SUBSCRIPTION_NOT_FOUND");
  }
  await served.subscribe("a");
});

Deno.test("§6.2 200 Existing subscription re-confirmed with an identical configuration", async () => {
  const served = new SubscriptionFixture();
  const spec = { ...WEBHOOK, streams: ["b", "a"], description: "d" };
  const made = await (await served.control("PUT", "s", spec)).json();
  served.clock.advance(5000);
  const again = await served.control("PUT", "s", spec);
  equal(again.status, 200);
  deepEqual(await again.json(), made);
});

Deno.test("§6.2 Servers MUST hash the normalized subscription configuration: what is the same", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s", { pattern: "p", streams: ["b", "a"], lease_ttl_ms: 30_000 });
  const same = [
    { streams: ["a", "b"] },
    { streams: ["a", "b", "a"] },
    { lease_ttl_ms: null },
    { description: null },
    { wake_stream: "ignored/by/webhooks" },
    { unknown: 7 },
  ];
  for (const spec of same) {
    const body = { ...WEBHOOK, pattern: "p", streams: ["b", "a"], ...spec };
    equal((await served.control("PUT", "s", body)).status, 200, JSON.stringify(spec));
  }
});

Deno.test("§6.2 409 for the same ID and a different configuration: every field that the hash includes", async () => {
  const served = new SubscriptionFixture();
  const spec = { ...WEBHOOK, streams: ["a"], lease_ttl_ms: 2000, description: "d" };
  equal((await served.control("PUT", "s", spec)).status, 201);
  const others = [
    { type: "pull-wake", wake_stream: "w" },
    { pattern: "events/**" },
    { pattern: null },
    { streams: ["a", "b"] },
    { streams: null },
    { webhook: { url: `${HOOK}2` } },
    { lease_ttl_ms: 2001 },
    { lease_ttl_ms: null },
    { description: "e" },
    { description: null },
    { description: "" },
  ];
  for (const other of others) {
    const answer = await served.control("PUT", "s", { ...spec, ...other });
    await expectError(answer, 409, "SUBSCRIPTION_ALREADY_EXISTS", /"s"/);
  }
  equal((await served.control("PUT", "p", { ...PULL, wake_stream: "w" })).status, 201);
  const answer = await served.control("PUT", "p", { ...PULL, wake_stream: "v" });
  await expectError(answer, 409, "SUBSCRIPTION_ALREADY_EXISTS");
});

Deno.test("§6.2 membership never changes the configuration's hash", async () => {
  const served = new SubscriptionFixture();
  const spec = { ...WEBHOOK, streams: ["a"] };
  equal((await served.control("PUT", "s", spec)).status, 201);
  await served.control("POST", "s/streams", { streams: ["b"] });
  await served.control("DELETE", "s/streams/a");
  equal((await served.control("PUT", "s", spec)).status, 200);
  const answer = await served.control("PUT", "s", { ...spec, streams: ["b"] });
  await expectError(answer, 409, "SUBSCRIPTION_ALREADY_EXISTS");
});

Deno.test("§6.2 Webhook subscription responses MUST NOT include shared webhook signing secrets", async () => {
  const served = new SubscriptionFixture();
  const made = await served.subscribe("s");
  deepEqual(Object.keys(made.webhook).sort(), ["signing", "url"]);
  deepEqual(Object.keys(made.webhook.signing).sort(), ["alg", "jwks_url", "kid"]);
  const bytes = served.storage.subscriptions?.secrets.load();
  ok(bytes !== undefined);
  for (
    const answer of [
      made,
      await served.show("s"),
      await (await served.get("__ds/jwks.json")).json(),
    ]
  ) {
    const text = JSON.stringify(answer);
    for (const word of ["secret", '"d"', "private"]) ok(!text.includes(word), word);
  }
});

Deno.test("§6.2 Existing streams are linked at their current tail: nothing historical is replayed", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "history");
  await served.stream("events/empty");
  const made = await served.subscribe("s");
  deepEqual(made.streams, [
    { path: "events/a", link_type: "glob", acked_offset: served.offset(7) },
    { path: "events/empty", link_type: "glob", acked_offset: "-1" },
  ]);
  await served.pass(120_000, 5000);
  equal(served.endpoint.requests.length, 0);
});

Deno.test("§6.2 the server MUST eagerly backfill matching existing streams, however many", async () => {
  const served = new SubscriptionFixture();
  const names = Array.from({ length: 2500 }, (_, i) => `events/${String(i).padStart(4, "0")}`);
  for (const name of names) await served.storage.create(name, { contentType: "text/plain" });
  for (let i = 0; i < 2100; i++) await served.storage.create(`events/${i}/deep`, {});
  const made = await served.subscribe("s");
  deepEqual(made.streams.map(({ path }: { path: string }) => path), names);
});

Deno.test("§6.2 Streams discovered later are linked before that append for wake purposes", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s");
  await served.stream("events/new");
  equal(served.endpoint.requests.length, 0, "an empty one has nothing pending");
  await served.write("events/new", "abc");
  const [stream] = served.lastWake().streams;
  equal(stream?.acked_offset, "-1");
  equal(stream?.tail_offset, served.offset(3, 2));
});

Deno.test("§6.2 bad input of each field is 400 INVALID_REQUEST, and the body names the field", async () => {
  const served = new SubscriptionFixture();
  const cases: [Record<string, unknown>, string][] = [
    [{ type: undefined }, "type"],
    [{ type: "email" }, "type"],
    [{ type: 7 }, "type"],
    [{ type: null }, "type"],
    [{ webhook: undefined }, "webhook"],
    [{ webhook: HOOK }, "webhook"],
    [{ webhook: [] }, "webhook"],
    [{ webhook: {} }, "webhook.url"],
    [{ webhook: { url: 7 } }, "webhook.url"],
    [{ webhook: { url: null } }, "webhook.url"],
    [{ streams: "a" }, "streams"],
    [{ streams: { a: 1 } }, "streams"],
    [{ streams: [7] }, "streams[0]"],
    [{ streams: ["a", null] }, "streams[1]"],
    [{ streams: ["a", ""] }, "streams[1]"],
    [{ streams: ["__ds/subscriptions/x"] }, "streams[0]"],
    [{ streams: ["__ds"] }, "streams[0]"],
    [{ streams: ["a/../b"] }, "streams[0]"],
    [{ streams: ["\ud800"] }, "streams[0]"],
    [{ streams: Array.from({ length: 10_001 }, (_, i) => `s${i}`) }, "streams"],
    [{ description: 7 }, "description"],
    [{ description: "x".repeat(1025) }, "description"],
    [{ type: "pull-wake" }, "wake_stream"],
    [{ type: "pull-wake", wake_stream: 7 }, "wake_stream"],
    [{ type: "pull-wake", wake_stream: "" }, "wake_stream"],
    [{ type: "pull-wake", wake_stream: "__ds/x" }, "wake_stream"],
  ];
  for (const [spec, field] of cases) {
    const answer = await served.control("PUT", "s", { ...WEBHOOK, ...spec });
    const { error } = await answer.clone().json();
    equal(error.field, field, JSON.stringify(spec).slice(0, 80));
    await expectError(answer, 400, "INVALID_REQUEST");
    match(error.message, new RegExp(field.replace(/[[\]]/g, "\\$&")));
  }
  await expectError(await served.control("GET", "s"), 404, "SUBSCRIPTION_NOT_FOUND");
});

Deno.test("§6.2 a body that is no JSON object is 400, and names the body", async () => {
  const served = new SubscriptionFixture();
  for (const body of ["{", "[]", "null", "7", '"x"', "\u0000", "{} {}"]) {
    const answer = await served.control("PUT", "s", body);
    equal((await answer.clone().json()).error.field, "body", body);
    await expectError(answer, 400, "INVALID_REQUEST", /body/);
  }
  // Whole but for one byte, which would else become another character.
  const bytes = new TextEncoder().encode(JSON.stringify({ ...WEBHOOK, description: "?" }));
  bytes[bytes.indexOf(0x3f)] = 0xff;
  await expectError(
    await served.put("__ds/subscriptions/s", JSON_TYPE, bytes),
    400,
    "INVALID_REQUEST",
  );
  // No body is an empty object: its first field is missing.
  const answer = await served.put("__ds/subscriptions/s");
  equal((await answer.clone().json()).error.field, "type");
  await expectError(answer, 400, "INVALID_REQUEST");
});

Deno.test("§6.2 a body that is longer than the limit is 413", async () => {
  const served = new SubscriptionFixture({ maxAppendBytes: 100, maxBodyBytesInFlight: 1e6 });
  const answer = await served.control("PUT", "s", { ...WEBHOOK, description: "x".repeat(100) });
  await expectError(answer, 413, "BODY_TOO_LARGE");
});

Deno.test("§6.2 as many subscriptions as the server takes, and then 429 until one is deleted", async () => {
  const served = new SubscriptionFixture({ memory: { maxSubscriptions: 2 } });
  served.clock.advance(1);
  await served.subscribe("a");
  await served.subscribe("b");
  await expectError(await served.control("PUT", "c", WEBHOOK), 429, "TOO_MANY_SUBSCRIPTIONS");
  equal((await served.control("PUT", "b", WEBHOOK)).status, 200, "one that is there needs no room");
  await served.control("DELETE", "a");
  await served.subscribe("c");
});

Deno.test("a URL that takes other methods is 405, and says which", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s");
  const cases: [string, string, string][] = [
    ["POST", "s", "PUT, GET, DELETE"],
    ["PATCH", "s", "PUT, GET, DELETE"],
    ["GET", "s/streams", "POST, DELETE"],
    ["GET", "s/claim", "POST"],
    ["PUT", "s/ack", "POST"],
    ["DELETE", "s/callback", "POST"],
    ["GET", "s/release", "POST"],
    ["PUT", "", "GET"],
  ];
  for (const [method, path, allow] of cases) {
    const answer = await served.control(method, path, method === "GET" ? undefined : {});
    equal(answer.headers.get("allow"), allow, `${method} ${path}`);
    await expectError(answer, 405, "METHOD_NOT_ALLOWED");
  }
  equal((await served.send("POST", "__ds/jwks.json")).headers.get("allow"), "GET");
  equal((await served.send("GET", "__ds/jwks.json/rotate")).headers.get("allow"), "POST");
});

Deno.test("what isn't there below a subscription is 404", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s");
  for (const path of ["s/other", "s/claim/x", "s/constructor", "s/__proto__", "s/streams/a/b"]) {
    await expectError(await served.control("POST", path, {}), 404, "NOT_FOUND");
  }
});

Deno.test("subscriptions: false and a storage without them answer 501 and say so", async () => {
  const off = new Fixture({ subscriptions: false });
  for (const target of ["__ds/subscriptions/s", "__ds/jwks.json", "__ds/subscriptions"]) {
    await expectError(await off.get(target), 501, "SUBSCRIPTIONS_UNSUPPORTED", /no subscriptions/);
  }
  const { storage } = new Fixture();
  const without = new Proxy(storage, {
    get: (target, key) => {
      const value: unknown = key === "subscriptions" ? undefined : Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const served = new Fixture({ storage: without });
  await expectError(
    await served.put("__ds/subscriptions/s", JSON_TYPE, JSON.stringify(WEBHOOK)),
    501,
    "SUBSCRIPTIONS_UNSUPPORTED",
  );
  equal((await served.put("a", TEXT, "x")).status, 201);
});

Deno.test("created_at is when it was decided, also where the disk takes its time", async () => {
  const served = new SubscriptionFixture();
  const store = served.storage.subscriptions;
  ok(store !== undefined);
  const creating = store.create("s", {
    type: "webhook",
    pattern: "a",
    streams: [],
    webhookUrl: HOOK,
    wakeStream: undefined,
    leaseMs: 1000,
    description: undefined,
    baseUrl: "http://localhost",
  });
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  served.clock.advance(1234);
  equal((await creating).createdAtMs, (await store.get("s")).createdAtMs);
});
