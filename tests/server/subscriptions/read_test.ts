import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { expectError, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { DONE } from "../../support/scripted_transport.ts";
import { HOOK, settled, SubscriptionFixture, wokenBy } from "../../support/subscription_fixture.ts";

/** PROTOCOL §6.3 and §6.4: what a subscription is, its end, and its links; and the listing. */

interface Listed {
  readonly path: string;
  readonly link_type: string;
  readonly acked_offset: string;
}

async function links(served: SubscriptionFixture, id: string): Promise<Listed[]> {
  return (await served.show(id)).streams;
}

Deno.test("§6.3 GET returns the subscription with its cursors", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/abc", "hello");
  const made = await served.subscribe("sub-1", {
    pattern: "events/*",
    description: "event processor",
  });
  const answer = await served.control("GET", "sub-1");
  equal(answer.status, 200);
  equal(answer.headers.get("content-type"), "application/json");
  equal(answer.headers.get("cache-control"), "no-store");
  const found = await answer.json();
  deepEqual(found, made);
  deepEqual(Object.keys(found).sort(), [
    "created_at",
    "description",
    "due_at",
    "failures",
    "generation",
    "holder",
    "id",
    "lag",
    "last_failure",
    "lease_ttl_ms",
    "pattern",
    "phase",
    "status",
    "streams",
    "subscription_id",
    "type",
    "wake_at",
    "wake_stream",
    "webhook",
  ]);
});

Deno.test("§6.3 acked_offset is the cursor: it moves with acks, not with appends", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "0123456789");
  await served.subscribe("s");
  await served.write("events/a", "abcde");
  deepEqual((await links(served, "s"))[0]?.acked_offset, served.offset(10));
  const acks = [{ stream: "events/a", offset: served.offset(12) }];
  equal((await served.answerTo("callback", "s", served.lastWake(), { acks })).status, 200);
  deepEqual((await links(served, "s"))[0]?.acked_offset, served.offset(12));
});

Deno.test("§6.3 signing metadata: alg ed25519, the active kid, and jwks_url below the client's base", async () => {
  const served = new SubscriptionFixture();
  const { webhook } = await served.subscribe("s");
  const { keys } = await (await served.get("__ds/jwks.json")).json();
  deepEqual(webhook, {
    url: HOOK,
    signing: {
      alg: "ed25519",
      kid: keys[0].kid,
      jwks_url: "http://localhost/v1/stream/__ds/jwks.json",
    },
  });
});

Deno.test("§6.3 kid is the server's active signing key at serialization time", async () => {
  const served = new SubscriptionFixture();
  const { webhook } = await served.subscribe("s");
  const { kid } = await (await served.send("POST", "__ds/jwks.json/rotate")).json();
  equal((await served.show("s")).webhook.signing.kid, webhook.signing.kid, "not before it signs");
  served.clock.advance(300_000);
  equal((await served.show("s")).webhook.signing.kid, kid);
});

Deno.test("§6.3 status is failed while webhook retry is scheduled after a failed delivery attempt", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a");
  await served.subscribe("s");
  served.endpoint.script = () => ({ status: 500 });
  await served.write("events/a");
  equal((await served.show("s")).status, "failed");
  served.endpoint.script = () => DONE;
  await served.pass(1500);
  equal((await served.show("s")).status, "active");
});

Deno.test("§6.3 status is failed after a request without an answer, and active while one is under way", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a");
  await served.subscribe("s", { pattern: "events/*", lease_ttl_ms: 1000 });
  served.endpoint.script = () => "hang";
  await served.write("events/a");
  equal((await served.show("s")).status, "active");
  await served.pass(1100);
  equal((await served.show("s")).status, "failed");
});

Deno.test("§6.3 status is active again where what was pending is gone", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a");
  await served.subscribe("s", { pattern: "events/*", lease_ttl_ms: 1000 });
  served.endpoint.script = () => "hang";
  await served.write("events/a");
  await served.pass(1100);
  await served.delete("events/a");
  await served.pass(3000);
  equal((await served.show("s")).status, "active");
});

Deno.test("§6.3 a subscription that isn't there is 404 SUBSCRIPTION_NOT_FOUND for every request", async () => {
  const served = new SubscriptionFixture();
  const wake = { wake_id: "w", generation: 1 };
  const token = { authorization: "Bearer x" };
  const answers = [
    await served.control("GET", "nothing"),
    await served.control("DELETE", "nothing"),
    await served.control("POST", "nothing/streams", { streams: ["a"] }),
    await served.control("DELETE", "nothing/streams/a"),
    await served.control("POST", "nothing/claim", { worker: "w" }),
    await served.control("POST", "nothing/ack", wake, token),
    await served.control("POST", "nothing/callback", wake, token),
    await served.control("POST", "nothing/release", wake, token),
  ];
  for (const answer of answers) {
    await expectError(answer, 404, "SUBSCRIPTION_NOT_FOUND", /"nothing"/);
  }
});

Deno.test("§6.3 Deletion returns 204, and the subscription is gone: nothing wakes any more", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a");
  await served.subscribe("s");
  const answer = await served.control("DELETE", "s");
  equal(answer.status, 204);
  equal(await answer.text(), "");
  await expectError(await served.control("DELETE", "s"), 404, "SUBSCRIPTION_NOT_FOUND");
  await served.write("events/a");
  await served.pass(120_000, 5000);
  equal(served.endpoint.requests.length, 0);
});

Deno.test("§6.3 In-flight callback, ack, or release for a deleted subscription MUST fail, MUST NOT advance", async () => {
  for (const action of ["callback", "ack", "release"] as const) {
    const served = new SubscriptionFixture();
    await served.stream("events/a");
    if (action === "callback") await served.subscribe("s");
    else await served.pool("s");
    await served.write("events/a", "abc");
    const woken = action === "callback" ? served.lastWake() : await served.claim("s");
    const acks = [{ stream: "events/a", offset: served.offset(3) }];
    await served.control("DELETE", "s");
    await expectError(
      await served.answerTo(action, "s", woken, { acks, done: true }),
      404,
      "SUBSCRIPTION_NOT_FOUND",
    );
    // Nor for one that was made again under the same id: the token is the old one's.
    if (action === "callback") await served.subscribe("s");
    else await served.pool("s");
    await served.write("events/a", "def");
    const again = await served.answerTo(action, "s", woken, { acks, done: true });
    await expectError(again, 401, "TOKEN_INVALID");
    equal(
      (await links(served, "s"))[0]?.acked_offset,
      served.offset(3),
      "its tail when it was made",
    );
  }
});

Deno.test("§6.3 a done that comes after the deletion acks nothing of one made again", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a");
  await served.subscribe("s");
  const late = Promise.withResolvers<{ status: number; body: string }>();
  served.endpoint.script = () => late.promise;
  await served.write("events/a", "abc");
  await served.control("DELETE", "s");
  await served.subscribe("s");
  served.endpoint.script = () => "hang";
  await served.write("events/a", "def");
  late.resolve({ status: 200, body: '{"done":true}' });
  await settled();
  equal((await links(served, "s"))[0]?.acked_offset, served.offset(3));
  equal(served.endpoint.inFlight, 1, "the deleted one's request was given up");
});

Deno.test("§6.3 the same id may be given again, with another configuration", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s");
  await served.control("DELETE", "s");
  await served.pool("s");
  equal((await served.show("s")).type, "pull-wake");
});

Deno.test("§6.4 New explicit streams are linked at their current tail offset", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/x", "history");
  await served.subscribe("s", { streams: ["other"] });
  const answer = await served.control("POST", "s/streams", { streams: ["events/x", "events/y"] });
  equal(answer.status, 204);
  equal(await answer.text(), "");
  deepEqual(await links(served, "s"), [
    { path: "events/x", link_type: "explicit", acked_offset: served.offset(7) },
    { path: "events/y", link_type: "explicit", acked_offset: "-1" },
    { path: "other", link_type: "explicit", acked_offset: "-1" },
  ]);
  await served.write("events/x", "new");
  equal(served.lastWake().streams[0]?.acked_offset, served.offset(7));
});

Deno.test("§6.4 without changing the subscription's glob pattern", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "x");
  await served.subscribe("s");
  await served.control("POST", "s/streams", { streams: ["more"] });
  const found = await served.show("s");
  equal(found.pattern, "events/*");
  deepEqual(found.streams.map(({ link_type }: Listed) => link_type), ["glob", "explicit"]);
});

Deno.test("§6.4 Adding an already-linked stream is idempotent: its cursor stays", async () => {
  const served = new SubscriptionFixture();
  await served.stream("a", "abc");
  await served.subscribe("s", { streams: ["a"] });
  await served.write("a", "def");
  for (let round = 0; round < 2; round++) {
    equal((await served.control("POST", "s/streams", { streams: ["a", "a"] })).status, 204);
  }
  deepEqual(await links(served, "s"), [
    { path: "a", link_type: "explicit", acked_offset: served.offset(3) },
  ]);
  equal(served.endpoint.requests.length, 1);
});

Deno.test("§6.4 DELETE removes the explicit link, and what is pending in it wakes no more", async () => {
  const served = new SubscriptionFixture();
  await served.stream("a");
  await served.subscribe("s", { streams: ["a"] });
  served.endpoint.script = () => ({ status: 500 });
  await served.write("a");
  equal(served.endpoint.requests.length, 1);
  equal((await served.control("DELETE", "s/streams/a")).status, 204);
  deepEqual(await links(served, "s"), []);
  await served.pass(120_000, 5000);
  equal(served.endpoint.requests.length, 1);
  equal((await served.show("s")).status, "active");
});

Deno.test("§6.4 :path is the URL-encoded path and may contain slashes: %2F is the same as one", async () => {
  const served = new SubscriptionFixture();
  const names = ["a/b/c", "ü/ö", "100%", "a b?c#d", "x+y"];
  await served.subscribe("s", { streams: ["keep", ...names] });
  await served.control("DELETE", "s/streams/a%2Fb/c");
  for (const name of names.slice(1)) {
    const path = name.split("/").map(encodeURIComponent).join("/");
    equal((await served.control("DELETE", `s/streams/${path}`)).status, 204);
  }
  deepEqual((await links(served, "s")).map(({ path }) => path), ["keep"]);
});

Deno.test("§6.4 Deleting an absent explicit link is idempotent", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "x");
  await served.subscribe("s");
  for (const path of ["nothing", "events/a", "events/a"]) {
    equal((await served.control("DELETE", `s/streams/${path}`)).status, 204);
  }
  deepEqual((await links(served, "s")).map(({ path }) => path), ["events/a"]);
});

Deno.test("§6.4 This operation removes only the explicit link; a matching glob link remains active", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a");
  await served.subscribe("s", { pattern: "events/*", streams: ["events/a"] });
  served.endpoint.script = () => ({ status: 500 });
  await served.write("events/a", "abc");
  await served.control("DELETE", "s/streams/events/a");
  await served.pass(1500);
  equal(served.endpoint.requests.length, 2, "what was pending still is");
  equal(wokenBy(served.endpoint.last().body).streams[0]?.acked_offset, "-1");
});

Deno.test("§6.4 a link that is removed and added again begins at the tail of then", async () => {
  const served = new SubscriptionFixture();
  await served.stream("a");
  await served.subscribe("s", { streams: ["a", "b"] });
  served.endpoint.script = () => "hang";
  await served.write("a", "abc");
  await served.control("DELETE", "s/streams/a");
  await served.write("a", "def");
  await served.control("POST", "s/streams", { streams: ["a"] });
  equal((await links(served, "s"))[0]?.acked_offset, served.offset(6));
});

Deno.test("§6.4 bad membership is 400, names the field, and links nothing", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s", { streams: ["keep"] });
  const cases: [unknown, string][] = [
    [{}, "streams"],
    [{ streams: [] }, "streams"],
    [{ streams: "a" }, "streams"],
    [{ streams: ["ok", "__ds/x"] }, "streams[1]"],
    [{ streams: [""] }, "streams[0]"],
    [{ streams: [1] }, "streams[0]"],
    [{ streams: Array.from({ length: 10_001 }, (_, i) => `s${i}`) }, "streams"],
    // One is there already.
    [{ streams: Array.from({ length: 10_000 }, (_, i) => `s${i}`) }, "streams"],
    [[], "body"],
    ["{", "body"],
  ];
  for (const [body, field] of cases) {
    const answer = await served.control("POST", "s/streams", body);
    equal((await answer.clone().json()).error.field, field, JSON.stringify(body).slice(0, 60));
    await expectError(answer, 400, "INVALID_REQUEST");
  }
  deepEqual((await links(served, "s")).map(({ path }) => path), ["keep"]);
});

Deno.test("§6.4 a path that names no stream is 400, and the body names it", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s");
  for (
    const path of ["s/streams", "s/streams/", "s/streams/__ds/x", "s/streams/%ff", "s/streams/%00"]
  ) {
    const answer = await served.control("DELETE", path);
    equal((await answer.clone().json()).error.field, "path", path);
    await expectError(answer, 400, "INVALID_REQUEST");
  }
});

Deno.test("§6.4 as many explicit links as there may be, all listed in order", async () => {
  const served = new SubscriptionFixture();
  const names = Array.from({ length: 10_000 }, (_, i) => `n/${String(i).padStart(5, "0")}`);
  await served.subscribe("s", { pattern: "n/*", streams: names.slice(0, 5000) });
  equal((await served.control("POST", "s/streams", { streams: names.slice(5000) })).status, 204);
  await served.stream("n/00007x", "x");
  deepEqual((await links(served, "s")).map(({ path }) => path), [...names, "n/00007x"].sort());
});

Deno.test("§6.3 a list of very many links is cut off where its subscription is deleted meanwhile", async () => {
  const served = new SubscriptionFixture();
  const names = Array.from({ length: 10_000 }, (_, i) => `${"long/".repeat(10)}${i}`);
  await served.subscribe("s", { streams: names });
  const answer = await served.control("GET", "s");
  equal(answer.status, 200);
  equal((await served.control("DELETE", "s")).status, 204);
  await rejects(answer.text());
});

Deno.test("a deleted stream's explicit link stays, at -1; a pattern's goes with it", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "abc");
  await served.stream("events/b", "abc");
  await served.subscribe("s", { pattern: "events/*", streams: ["events/a"] });
  await served.delete("events/a");
  await served.delete("events/b");
  deepEqual(await links(served, "s"), [
    { path: "events/a", link_type: "explicit", acked_offset: "-1" },
  ]);
  await served.stream("events/a", "new");
  equal(served.lastWake().streams[0]?.path, "events/a");
  equal(served.lastWake().streams[0]?.acked_offset, "-1");
});

Deno.test("a softly deleted stream is linked no more by pattern, and at -1 explicitly", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "abc");
  await served.stream("events/b", "abc");
  for (const name of ["a", "b"]) {
    await served.put(`fork-${name}`, {
      ...TEXT,
      "stream-forked-from": `/v1/stream/events/${name}`,
    });
  }
  await served.subscribe("s", { pattern: "events/*", streams: ["events/a"] });
  await served.delete("events/a");
  await served.delete("events/b");
  deepEqual(await links(served, "s"), [
    { path: "events/a", link_type: "explicit", acked_offset: "-1" },
  ]);
});

Deno.test("a stream whose time is over is linked no more, and wakes no more", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s");
  served.endpoint.script = () => ({ status: 500 });
  await served.put("events/a", { ...TEXT, "stream-ttl": "2" }, "abc");
  await settled();
  equal(served.endpoint.requests.length, 1);
  await served.pass(3000);
  deepEqual(await links(served, "s"), []);
  await served.pass(60_000, 1000);
  equal(served.endpoint.requests.length, 2, "one retry came before its end");
  equal((await served.show("s")).status, "active");
});

Deno.test("the list of all subscriptions is off unless --listing, and says so", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s");
  await expectError(await served.get("__ds/subscriptions"), 404, "NOT_FOUND", /--listing/);
});

Deno.test("the list of all subscriptions goes by pages, in the order of their names", async () => {
  const served = new SubscriptionFixture({ listing: true });
  const store = served.storage.subscriptions;
  const names = Array.from({ length: 1001 }, (_, i) => `s${String(i).padStart(4, "0")}`);
  await Promise.all(
    [...names].reverse().map((name) =>
      store?.create(name, {
        type: "webhook",
        pattern: "a",
        streams: [],
        webhookUrl: HOOK,
        wakeStream: undefined,
        leaseMs: 1000,
        description: undefined,
        baseUrl: "http://localhost/v1/stream",
      })
    ),
  );
  const listed: { id: string; streams?: unknown; webhook: Record<string, unknown> }[] = [];
  let pages = 0;
  for (let after: string | undefined, isLast = false; !isLast; pages++) {
    const query: string = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
    const answer = await served.get(`__ds/subscriptions${query}`);
    equal(answer.status, 200);
    const { subscriptions, next } = await answer.json();
    listed.push(...subscriptions);
    after = next;
    isLast = next === undefined;
  }
  ok(pages > 1, "none has all of them");
  deepEqual(listed.map(({ id }) => id), names);
  equal(listed[0]?.streams, undefined, "without their streams, which may be very many");
  ok(listed[0]?.webhook.signing !== undefined);
  equal((await served.get("__ds/subscriptions/")).status, 200);
});

Deno.test("a subscription of a wake stream: its own is never linked, another's only explicitly", async () => {
  const served = new SubscriptionFixture();
  await served.put("wake/pool", JSON_TYPE);
  await served.pool("own", { pattern: "**" });
  await served.stream("a", "x");
  deepEqual((await links(served, "own")).map(({ path }) => path), ["a"]);
});
