import { deepEqual, equal, ok } from "node:assert/strict";
import { CLOSE, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { expectJson, settled, SubscriptionFixture } from "../../support/subscription_fixture.ts";
import { pooled } from "./followed.ts";

/** PROTOCOL §7.2: wake events, and the streams that they are written to. */

Deno.test("§7.2 a pull-wake subscription writes wake events of this shape to its wake_stream", async () => {
  const served = await pooled();
  served.clock.advance(1234);
  await served.write("events/a");
  deepEqual(await served.wakeEvents(), [{
    type: "wake",
    subscription_id: "p",
    stream: "events/a",
    generation: 1,
    ts: served.clock.nowMs(),
  }]);
});

Deno.test("§7.2 The wake stream is an ordinary durable stream: read live, and of any JSON content type", async () => {
  for (const type of ["application/json", "application/json; charset=utf-8"]) {
    const served = new SubscriptionFixture();
    await served.put("wake/pool", { "content-type": type });
    await served.pool("p");
    const { signal } = new AbortController();
    const waiting = served.app.request("/v1/stream/wake/pool?offset=-1&live=long-poll", { signal });
    await served.stream("events/a", "abc");
    equal((await (await waiting).json())[0].generation, 1, type);
    equal((await served.show("p")).status, "active");
  }
});

Deno.test("§7.2 MUST be created explicitly by the application: the server makes none", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "abc");
  const spec = { type: "pull-wake", pattern: "events/*", wake_stream: "wake/later" };
  equal((await served.control("PUT", "p", spec)).status, 201);
  await served.write("events/a");
  await served.pass(60_000, 1000);
  equal((await served.head("wake/later")).status, 404);
});

Deno.test("a wake stream that is missing: failed, and the event is written once it exists", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "abc");
  await served.control("PUT", "p", {
    type: "pull-wake",
    pattern: "events/*",
    wake_stream: "wake/pool",
  });
  equal((await served.show("p")).status, "active");
  await served.write("events/a");
  equal((await served.show("p")).status, "failed");
  await served.pass(300_000, 5000);
  // At once, however long the next look would have been away.
  await served.put("wake/pool", JSON_TYPE);
  await served.pass(1);
  equal((await served.wakeEvents()).length, 1);
  equal((await served.show("p")).status, "active");
  equal((await served.claim("p")).generation, 1);
});

Deno.test("a wake stream of another type, or closed: failed, and written once it is made again", async () => {
  for (const [headers, how] of [[TEXT, "text"], [{ ...JSON_TYPE, ...CLOSE }, "closed"]] as const) {
    const served = new SubscriptionFixture();
    await served.put("wake/pool", headers);
    await served.pool("p");
    await served.stream("events/a", "abc");
    equal((await served.show("p")).status, "failed", how);
    // Workers may claim all the same.
    equal((await served.claim("p")).streams.length, 1);
    await served.pass(40_000, 1000);
    equal((await served.show("p")).status, "failed", how);
    await served.delete("wake/pool");
    await served.put("wake/pool", JSON_TYPE);
    await served.pass(1);
    equal((await served.wakeEvents()).length, 1, how);
    equal((await served.show("p")).status, "active");
  }
});

Deno.test("a wake stream that is deleted while its event waits: the event comes once it is there again", async () => {
  const served = await pooled(1000);
  await served.write("events/a");
  await served.delete("wake/pool");
  await served.pass(300_000, 5000);
  equal((await served.show("p")).status, "failed");
  await served.put("wake/pool", JSON_TYPE);
  await served.pass(1);
  const events = await served.wakeEvents();
  equal(events.length, 1);
  equal(events[0]?.generation, 1, "the same wake");
  equal((await served.claim("p")).generation, 1);
});

Deno.test("an unclaimed wake event is repeated after a lease's time, ever less often, as the same wake", async () => {
  const served = await pooled(1000);
  await served.write("events/a");
  await served.pass(1000);
  deepEqual((await served.wakeEvents()).map(({ generation }) => generation), [1, 1]);
  await served.pass(600_000, 1000);
  const times = (await served.wakeEvents()).map(({ ts }) => Number(ts));
  ok(times.length <= 20, `${times.length} events in 10 minutes`);
  const waits = times.slice(1).map((ts, i) => ts - (times[i] ?? 0));
  ok(waits.at(-1) === 60_000, `${waits}`);
  equal((await served.claim("p")).generation, 1);
});

Deno.test("two subscriptions of all streams don't wake each other by their wake streams", async () => {
  const served = new SubscriptionFixture();
  for (const id of ["one", "two"]) {
    await served.put(`wake/${id}`, JSON_TYPE);
    const spec = { type: "pull-wake", pattern: "**", wake_stream: `wake/${id}` };
    equal((await served.control("PUT", id, spec)).status, 201);
  }
  await served.stream("a", "x");
  await served.pass(1000);
  for (const id of ["one", "two"]) {
    equal((await served.wakeEvents(`wake/${id}`)).length, 1);
    const claimed = await served.claim(id);
    deepEqual(claimed.streams.map(({ path }) => path), ["a"]);
    const acks = [{ stream: "a", offset: claimed.streams[0]?.tail_offset }];
    await expectJson(
      await served.answerTo("ack", id, claimed, { acks, done: true }),
      200,
      { ok: true, next_wake: false },
    );
  }
  await served.pass(120_000, 5000);
  equal((await served.wakeEvents("wake/one")).length, 1);
});

Deno.test("a wake stream wakes one that links it explicitly, and never its own subscription", async () => {
  const served = new SubscriptionFixture();
  await served.put("wake/pool", JSON_TYPE);
  await served.pool("own", { pattern: "**", streams: ["wake/pool"] });
  await served.subscribe("watcher", { streams: ["wake/pool"] });
  await served.stream("a", "x");
  equal(served.lastWake().streams[0]?.path, "wake/pool");
  deepEqual((await served.claim("own")).streams.map(({ path }) => path), ["a"]);
});

Deno.test("a wake stream whose subscriptions are all deleted is one like others, and pending then", async () => {
  const served = new SubscriptionFixture();
  await served.subscribe("all", { pattern: "wake/*" });
  await served.pool("one");
  await served.pool("two");
  await served.stream("events/a", "x");
  await served.control("DELETE", "one");
  await settled();
  equal(served.endpoint.requests.length, 0);
  await served.control("DELETE", "two");
  await settled();
  deepEqual(served.lastWake().streams.map(({ path }) => path), ["wake/pool"]);
});

Deno.test("two pools may share a wake stream", async () => {
  const served = new SubscriptionFixture();
  await served.pool("one");
  await served.pool("two");
  await served.stream("events/a", "x");
  const events = await served.wakeEvents();
  deepEqual(events.map(({ subscription_id }) => subscription_id).sort(), ["one", "two"]);
  await served.control("DELETE", "one");
  await served.stream("wake/pool2", "x");
  await served.subscribe("all", { pattern: "**" });
  await served.write("events/a");
  deepEqual(
    served.lastWake().streams.map(({ path }) => path),
    ["events/a"],
    "still one's wake stream",
  );
});
