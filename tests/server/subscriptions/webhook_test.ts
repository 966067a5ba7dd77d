import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { Hono } from "hono";
import { CLOSE, expectError, JSON_TYPE, producer, TEXT } from "../../support/fixture.ts";
import { DONE } from "../../support/scripted_transport.ts";
import {
  expectJson,
  HOOK,
  settled,
  SubscriptionFixture,
  wokenBy,
} from "../../support/subscription_fixture.ts";
import { ackOf, followed } from "./followed.ts";

/** PROTOCOL §7 and §7.1: what wakes, the webhook's request, its answer, and callbacks. */

Deno.test("§7 a tail greater than its acked_offset is pending work, and wakes", async () => {
  const served = await followed();
  await served.write("events/a");
  equal(served.endpoint.requests.length, 1);
});

Deno.test("§7 What wakes: an append, a create with a body, an append that closes, a fork with data", async () => {
  const served = await followed();
  served.endpoint.script = () => DONE;
  const woken = async (change: () => Promise<Response>) => {
    const before = served.endpoint.requests.length;
    const answer = await change();
    ok(answer.ok, `${answer.status}`);
    await settled();
    return served.endpoint.requests.length - before;
  };
  equal(await woken(() => served.post("events/a", TEXT, "x")), 1, "an append");
  equal(await woken(() => served.put("events/b", TEXT, "x")), 1, "a create with a body");
  equal(await woken(() => served.post("events/b", { ...TEXT, ...CLOSE }, "x")), 1, "with a close");
  const fork = { ...TEXT, "stream-forked-from": "/v1/stream/events/a" };
  equal(await woken(() => served.put("events/f", fork)), 1, "a fork with data");
  equal(await woken(() => served.put("events/json", JSON_TYPE, "[1,2]")), 1, "JSON");
  equal(
    await woken(() => served.post("events/a", { ...TEXT, ...producer("p", 0, 0) }, "x")),
    1,
    "a producer's append",
  );
});

Deno.test("§7 What doesn't wake: an empty create, a close alone, a duplicate, a second create, older data", async () => {
  const served = await followed();
  served.endpoint.script = () => DONE;
  const p = { ...TEXT, ...producer("p", 0, 0) };
  await served.post("events/a", p, "x");
  await settled();
  equal(served.endpoint.requests.length, 1);
  await served.put("events/empty", TEXT);
  await served.put("events/json", JSON_TYPE, "[]");
  await served.post("events/a", p, "x");
  await served.put("events/a", TEXT, "abc");
  await served.put("events/e", { ...TEXT, "stream-forked-from": "/v1/stream/events/empty" });
  await served.post("events/a", CLOSE);
  await served.put("other/a", TEXT, "x");
  await served.post("events/nothing", TEXT, "x");
  await served.pass(60_000, 5000);
  equal(served.endpoint.requests.length, 1);
});

Deno.test("§7 Pending work creates a new generation unless a wake is in flight or a lease is held", async () => {
  const served = await followed();
  await served.write("events/a");
  equal(served.endpoint.requests.length, 1);
  for (let i = 0; i < 3; i++) await served.write("events/a");
  equal(served.endpoint.requests.length, 1, "a worker holds the lease");
  const woken = served.lastWake();
  equal(
    (await served.answerTo("callback", "s", woken, { done: true, acks: ackOf(served, 4) })).status,
    200,
  );
  equal(served.endpoint.requests.length, 2);
  equal(served.lastWake().generation, woken.generation + 1);
});

Deno.test("§7 Every wake has a unique wake_id and monotonically increasing generation", async () => {
  const served = await followed();
  served.endpoint.script = () => DONE;
  for (let i = 0; i < 5; i++) await served.write("events/a");
  const wakes = served.endpoint.requests.map(({ body }) => wokenBy(body));
  deepEqual(wakes.map(({ generation }) => generation), [1, 2, 3, 4, 5]);
  equal(new Set(wakes.map(({ wake_id }) => wake_id)).size, 5);
  for (const { wake_id } of wakes) match(wake_id, /^w_[\w-]{22}$/);
});

Deno.test("§7 the generation is scoped to the subscription", async () => {
  const served = await followed();
  await served.subscribe("t", { pattern: "other/*" });
  await served.write("events/a");
  await served.stream("other/a", "x");
  equal(served.lastWake().generation, 1);
});

Deno.test("§7 Acks are last-processed inclusive: the next read starts after", async () => {
  const served = await followed();
  await served.write("events/a", "defg");
  const acks = ackOf(served, 5);
  await served.answerTo("callback", "s", served.lastWake(), { acks, done: true });
  equal(served.lastWake().streams[0]?.acked_offset, served.offset(5));
  equal(await (await served.get(`events/a?offset=${served.offset(5)}`)).text(), "fg");
});

Deno.test("§7.1 the webhook request: POST to webhook.url with the wake's fields", async () => {
  const served = await followed();
  const tail = await served.write("events/a", "de");
  const { url, headers, body } = served.endpoint.last();
  equal(url, HOOK);
  equal(headers["content-type"], "application/json");
  const { callback_token, ...wake } = JSON.parse(new TextDecoder().decode(body));
  match(wake.wake_id, /^w_/);
  match(callback_token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  deepEqual(wake, {
    subscription_id: "s",
    wake_id: wake.wake_id,
    generation: 1,
    streams: [{
      path: "events/a",
      link_type: "glob",
      acked_offset: served.offset(3),
      tail_offset: tail,
      has_pending: true,
    }],
    callback_url: "http://localhost/v1/stream/__ds/subscriptions/s/callback",
  });
});

Deno.test("§7.1 a wake tells of the streams with something pending, and of no others", async () => {
  const served = await followed();
  for (const name of ["events/b", "events/c"]) await served.stream(name);
  await served.stream("explicit/d");
  await served.control("POST", "s/streams", { streams: ["explicit/d"] });
  served.endpoint.script = () => ({ status: 500 });
  await served.write("events/b");
  await served.write("explicit/d");
  served.endpoint.script = () => DONE;
  await served.pass(1500);
  const later = served.lastWake().streams.map(({ path, link_type }) => [path, link_type]);
  // The retry has the same bytes; the next wake has the rest.
  deepEqual(later, [["explicit/d", "explicit"]]);
  await served.write("events/c");
  deepEqual(served.lastWake().streams.map(({ path }) => path), ["events/c"]);
});

Deno.test("§7.1 callback_url is the client's base URL and the path, byte for byte", async () => {
  const cases: [Record<string, unknown>, string, string][] = [
    [{}, "http://h.example:8080/v1/stream", "http://h.example:8080/v1/stream"],
    [{}, "http://h.example/v1/streams", "http://h.example/v1/streams"],
    [{ prefix: "/p/q" }, "https://h.example/p/q", "https://h.example/p/q"],
    [
      { publicUrl: "https://pub.example" },
      "http://inner:1/v1/stream",
      "https://pub.example/v1/stream",
    ],
    [
      { publicUrl: "https://pub.example/x/" },
      "http://inner:1/v1/stream",
      "https://pub.example/x/v1/stream",
    ],
  ];
  for (const [options, base, expected] of cases) {
    const served = new SubscriptionFixture(options);
    const body = JSON.stringify({ type: "webhook", pattern: "a", webhook: { url: HOOK } });
    const target = `${base}/__ds/subscriptions/${encodeURIComponent("ü 1")}`;
    const made = await served.app.request(target, { method: "PUT", body });
    equal(made.status, 201);
    equal((await made.json()).webhook.signing.jwks_url, `${expected}/__ds/jwks.json`);
    await served.storage.create("a", { contentType: "text/plain", body: new Uint8Array([65]) });
    await settled();
    const { callback_url } = JSON.parse(new TextDecoder().decode(served.endpoint.last().body));
    equal(callback_url, `${expected}/__ds/subscriptions/%C3%BC%201/callback`);
  }
});

Deno.test("§7.1 callback_url behind a trusted proxy, and where the app is routed to below a path", async () => {
  const proxied = new SubscriptionFixture({ trustProxy: true });
  const forwarded = {
    "x-forwarded-proto": "https",
    "x-forwarded-host": "pub.example",
    "x-forwarded-prefix": "/api",
  };
  const spec = { type: "webhook", pattern: "**", webhook: { url: HOOK } };
  equal((await proxied.control("PUT", "s", spec, forwarded)).status, 201);
  const routed = new SubscriptionFixture();
  const outer = new Hono().route("/api", routed.app);
  const target = "https://pub.example/api/v1/stream/__ds/subscriptions/s";
  const made = await outer.request(target, { method: "PUT", body: JSON.stringify(spec) });
  equal(made.status, 201);
  for (const served of [proxied, routed]) {
    await served.stream("a", "x");
    const { callback_url } = JSON.parse(new TextDecoder().decode(served.endpoint.last().body));
    equal(callback_url, "https://pub.example/api/v1/stream/__ds/subscriptions/s/callback");
  }
});

Deno.test("names are compared decoded: one with %2F or odd characters matches, and comes as itself", async () => {
  const served = await followed();
  served.endpoint.script = () => DONE;
  const targets = [
    "events%2Fb",
    "events/%C3%BC%20x",
    "events/100%25",
    "events/%22%5C",
    "events/a*b",
  ];
  for (const target of targets) {
    await served.stream(target, "x");
    equal(served.lastWake().streams[0]?.path, decodeURIComponent(target));
  }
  deepEqual(served.endpoint.requests.length, targets.length);
});

Deno.test("§7.1 Webhook-Signature is an Ed25519 signature over <timestamp>.<raw_body>", async () => {
  const served = await followed();
  await served.write("events/a");
  const delivery = served.endpoint.last();
  const { t, kid } = await served.verified(delivery);
  equal(t, Math.floor(served.clock.nowMs() / 1000));
  equal((await served.show("s")).webhook.signing.kid, kid);
  const forged = { ...delivery, body: new Uint8Array([...delivery.body, 32]) };
  const error = await served.verified(forged).catch((error: unknown) => error);
  ok(error instanceof Error && /signature/.test(error.message));
});

Deno.test("§7.1 {done: true}: the server MUST ack the tails of that snapshot and release the lease", async () => {
  const served = await followed();
  served.endpoint.script = () => DONE;
  const tail = await served.write("events/a");
  const [link] = (await served.show("s")).streams;
  equal(link.acked_offset, tail);
  await served.pass(120_000, 5000);
  equal(served.endpoint.requests.length, 1);
  await served.write("events/a");
  equal(served.endpoint.requests.length, 2, "at once: nothing is held");
});

Deno.test("§7.1 events after the snapshot: MUST be woken again with a new wake_id and generation", async () => {
  const served = await followed();
  const answer = Promise.withResolvers<{ status: number; body: string }>();
  served.endpoint.script = () => answer.promise;
  const snapshot = await served.write("events/a");
  const first = served.lastWake();
  const tail = await served.write("events/a");
  served.endpoint.script = () => DONE;
  answer.resolve({ status: 200, body: '{"done":true}' });
  await settled();
  equal(served.endpoint.requests.length, 2);
  const second = served.lastWake();
  equal(second.generation, first.generation + 1);
  notEqual(second.wake_id, first.wake_id);
  equal(second.streams[0]?.acked_offset, snapshot);
  equal(second.streams[0]?.tail_offset, tail);
});

Deno.test("§7.1 done in the answer acks nothing of a stream that was made again meanwhile", async () => {
  const served = await followed();
  const answer = Promise.withResolvers<{ status: number; body: string }>();
  served.endpoint.script = () => answer.promise;
  await served.write("events/a");
  await served.delete("events/a");
  await served.stream("events/a", "0123456789");
  served.endpoint.script = () => "hang";
  answer.resolve({ status: 200, body: '{"done":true}' });
  await settled();
  equal(served.endpoint.requests.length, 2);
  equal(served.lastWake().streams[0]?.acked_offset, "-1");
});

Deno.test("§7.1 only done: true is done; any other answer of 2xx leaves the lease to callbacks", async () => {
  const bodies = [
    "",
    "{}",
    '{"done":false}',
    '{"done":"true"}',
    '{"done":1}',
    "[true]",
    "null",
    "<html>",
  ];
  for (const body of bodies) {
    const served = await followed();
    served.endpoint.script = () => ({ status: 200, body });
    await served.write("events/a");
    equal((await served.show("s")).streams[0].acked_offset, served.offset(3), body);
    await served.pass(25_000, 1000);
    equal(served.endpoint.requests.length, 1, body);
    equal((await served.answerTo("callback", "s", served.lastWake())).status, 200, body);
  }
});

Deno.test("§7.1 done with a failing status is a failure", async () => {
  for (const status of [199, 300, 301, 302, 307, 400, 404, 410, 500, 503]) {
    const served = await followed();
    served.endpoint.script = () => ({ status, body: '{"done":true}' });
    await served.write("events/a");
    const found = await served.show("s");
    equal(found.status, "failed", `${status}`);
    equal(found.streams[0].acked_offset, served.offset(3));
  }
});

Deno.test("§7.1 Successful callbacks return exactly ok and next_wake", async () => {
  const served = await followed();
  await served.write("events/a", "de");
  const wake = served.lastWake();
  const answer = await served.answerTo("callback", "s", wake, { acks: ackOf(served, 4) });
  await expectJson(answer, 200, { ok: true, next_wake: true });
  const done = await served.answerTo("callback", "s", wake, { acks: ackOf(served, 5), done: true });
  equal(done.headers.get("content-type"), "application/json");
  await expectJson(done, 200, { ok: true, next_wake: false });
});

Deno.test("§7.1 a callback acks by stream or by path", async () => {
  const served = await followed();
  await served.write("events/a", "de");
  const acks = [{ path: "events/a", offset: served.offset(5) }];
  const answer = await served.answerTo("callback", "s", served.lastWake(), { acks, done: true });
  await expectJson(answer, 200, { ok: true, next_wake: false });
});

Deno.test("§7.1 a callback before the answer counts, and the answer doesn't undo it", async () => {
  const served = await followed();
  const answer = Promise.withResolvers<{ status: number }>();
  served.endpoint.script = () => answer.promise;
  await served.write("events/a", "de");
  const wake = served.lastWake();
  await served.answerTo("callback", "s", wake, { acks: ackOf(served, 4) });
  answer.resolve({ status: 500 });
  await settled();
  equal((await served.show("s")).status, "active", "a worker that calls back is alive");
  const done = await served.answerTo("callback", "s", wake, { acks: ackOf(served, 5), done: true });
  await expectJson(done, 200, { ok: true, next_wake: false });
});

Deno.test("§7.1 a failing answer behind a done callback schedules nothing", async () => {
  const served = await followed();
  const answer = Promise.withResolvers<{ status: number }>();
  served.endpoint.script = () => answer.promise;
  await served.write("events/a", "de");
  await served.answerTo("callback", "s", served.lastWake(), { acks: ackOf(served, 5), done: true });
  answer.resolve({ status: 500 });
  await served.pass(120_000, 5000);
  equal(served.endpoint.requests.length, 1);
  equal((await served.show("s")).status, "active");
});

Deno.test("§7.1 Callback tokens are scoped to a subscription and generation", async () => {
  const served = await followed();
  await served.subscribe("t", { pattern: "events/*" });
  await served.write("events/a");
  const [one, other] = served.endpoint.requests.map(({ body }) => wokenBy(body));
  ok(one !== undefined && other !== undefined);
  await expectError(await served.answerTo("callback", "t", one), 401, "TOKEN_INVALID");
  await served.answerTo("callback", "s", one, { acks: ackOf(served, 4), done: true });
  await served.write("events/a");
  const next = served.lastWake();
  equal(next.generation, 2);
  // The right wake with an older token, and the other way round.
  await expectError(
    await served.answerTo("callback", "s", { ...next, token: one.token }),
    409,
    "FENCED",
  );
  await expectError(
    await served.answerTo("callback", "s", { ...one, token: next.token }),
    409,
    "FENCED",
  );
});

Deno.test("§7.1 tokens are used only for this wake's callback path: not for ack, release or claim", async () => {
  const served = await followed();
  await served.write("events/a");
  const wake = served.lastWake();
  for (const action of ["ack", "release"] as const) {
    await expectError(await served.answerTo(action, "s", wake), 401, "TOKEN_INVALID", /callback/);
  }
  const claim = await served.control("POST", "s/claim", { worker: "w" });
  equal((await claim.clone().json()).error.field, "type");
  await expectError(claim, 400, "INVALID_REQUEST", /webhook/);
});

Deno.test("§7.1 a stale wake_id or generation MUST be 409 FENCED", async () => {
  const served = await followed();
  await served.write("events/a");
  const wake = served.lastWake();
  const acks = ackOf(served, 4);
  for (const stale of [{ wake_id: "w_other" }, { generation: 0 }, { generation: 2 }]) {
    const answer = await served.answerTo("callback", "s", { ...wake, ...stale }, { acks });
    equal(answer.headers.get("content-type"), "application/json");
    equal((await answer.clone().json()).error.code, "FENCED");
    await expectError(answer, 409, "FENCED");
  }
  equal((await served.show("s")).streams[0].acked_offset, served.offset(3));
});

Deno.test("§7.1 after done everything of that wake is 409 FENCED", async () => {
  const served = await followed();
  await served.write("events/a");
  const wake = served.lastWake();
  await served.answerTo("callback", "s", wake, { acks: ackOf(served, 4), done: true });
  for (const more of [{}, { done: true }, { acks: ackOf(served, 4) }]) {
    await expectError(await served.answerTo("callback", "s", wake, more), 409, "FENCED");
  }
});

Deno.test("a wake of very many streams has a thousand of them, and the next wake the others", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("s");
  served.endpoint.script = () => "hang";
  for (let i = 0; i < 2500; i++) {
    void served.storage.create(`events/${i}`, { body: new Uint8Array([65]) });
  }
  await settled();
  served.endpoint.script = () => DONE;
  await served.pass(40_000, 1000);
  const seen = new Set<string>();
  for (const { body } of served.endpoint.requests) {
    const { streams } = wokenBy(body);
    ok(streams.length <= 1000);
    for (const { path } of streams) seen.add(path);
  }
  equal(seen.size, 2500);
  for (const link of (await served.show("s")).streams) notEqual(link.acked_offset, "-1");
});
