import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { CLOSE, expectError, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import {
  bearer,
  expectJson,
  settled,
  SubscriptionFixture,
} from "../../support/subscription_fixture.ts";

/** PROTOCOL §7.2 and §7.3: wake events, claim, ack, release, and fencing. */

/** One with a stream `events/a` that has three bytes, all of them processed, and a pool. */
async function pooled(lease_ttl_ms = 30_000): Promise<SubscriptionFixture> {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "abc");
  await served.pool("p", { pattern: "events/*", lease_ttl_ms });
  return served;
}

function ackOf(served: SubscriptionFixture, position: number) {
  return [{ stream: "events/a", offset: served.offset(position) }];
}

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

Deno.test("§7.2 Successful claim: exactly these fields", async () => {
  const served = await pooled(5000);
  const tail = await served.write("events/a", "de");
  const answer = await served.control("POST", "p/claim", { worker: "worker-name" });
  equal(answer.status, 200);
  equal(answer.headers.get("cache-control"), "no-store");
  const { wake_id, token, ...rest } = await answer.json();
  match(wake_id, /^w_[\w-]{22}$/);
  match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  deepEqual(rest, {
    generation: 1,
    streams: [{
      path: "events/a",
      link_type: "glob",
      acked_offset: served.offset(3),
      tail_offset: tail,
      has_pending: true,
    }],
    lease_ttl_ms: 5000,
  });
});

Deno.test("§7.2 a claim needs no Authorization, takes any, and succeeds right after an append's answer", async () => {
  const served = await pooled();
  equal((await served.post("events/a", TEXT, "x")).status, 204);
  const claim = await served.control("POST", "p/claim", { worker: "w" }, bearer("service-jwt"));
  equal(claim.status, 200);
});

Deno.test("§7.2 a claim takes the wake of the newest event: its generation is the event's", async () => {
  const served = await pooled();
  await served.write("events/a");
  const [event] = await served.wakeEvents();
  equal((await served.claim("p")).generation, event?.generation);
});

Deno.test("§7.2 a claim sees what came after the event", async () => {
  const served = await pooled();
  await served.write("events/a");
  await served.stream("events/b", "x");
  const { streams, generation } = await served.claim("p");
  deepEqual(streams.map(({ path }) => path), ["events/a", "events/b"]);
  equal(generation, 1);
  equal((await served.wakeEvents()).length, 1);
});

Deno.test("§7.2 409 ALREADY_CLAIMED with current_holder and generation", async () => {
  const served = await pooled();
  await served.write("events/a");
  await served.claim("p", "worker-2");
  const answer = await served.control("POST", "p/claim", { worker: "worker-1" });
  const { error } = await answer.clone().json();
  equal(error.current_holder, "worker-2");
  equal(error.generation, 1);
  await expectError(answer, 409, "ALREADY_CLAIMED", /worker-2/);
  // The holder itself is no exception.
  await expectError(
    await served.control("POST", "p/claim", { worker: "worker-2" }),
    409,
    "ALREADY_CLAIMED",
  );
});

Deno.test("§7.2 of claims that race one succeeds", async () => {
  const served = await pooled();
  await served.write("events/a");
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, i) => served.control("POST", "p/claim", { worker: `w${i}` })),
  );
  deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(9).fill(409)]);
});

Deno.test("a claim with nothing pending is 409 NO_PENDING_WORK", async () => {
  const served = await pooled();
  await expectError(
    await served.control("POST", "p/claim", { worker: "w" }),
    409,
    "NO_PENDING_WORK",
  );
  await served.write("events/a");
  await served.delete("events/a");
  await expectError(
    await served.control("POST", "p/claim", { worker: "w" }),
    409,
    "NO_PENDING_WORK",
  );
});

Deno.test("§7.2 a claim's bad input is 400, and the body names the field", async () => {
  const served = await pooled();
  await served.write("events/a");
  const cases: [unknown, string][] = [
    [{}, "worker"],
    [{ worker: "" }, "worker"],
    [{ worker: 7 }, "worker"],
    [{ worker: "x".repeat(257) }, "worker"],
    [[], "body"],
    ["{", "body"],
  ];
  for (const [body, field] of cases) {
    const answer = await served.control("POST", "p/claim", body);
    equal((await answer.clone().json()).error.field, field);
    await expectError(answer, 400, "INVALID_REQUEST");
  }
});

Deno.test("§7.2 Calling ack without done: true extends the lease and keeps the claim active", async () => {
  const served = await pooled(1000);
  await served.write("events/a", "de");
  const claimed = await served.claim("p");
  for (let i = 0; i < 20; i++) {
    await served.pass(900);
    await expectJson(await served.answerTo("ack", "p", claimed), 200, {
      ok: true,
      next_wake: true,
    });
  }
  await expectError(
    await served.control("POST", "p/claim", { worker: "w" }),
    409,
    "ALREADY_CLAIMED",
  );
  equal((await served.wakeEvents()).length, 1);
});

Deno.test("§7.2 an ack without done applies its acks", async () => {
  const served = await pooled();
  await served.write("events/a", "de");
  const claimed = await served.claim("p");
  const answer = await served.answerTo("ack", "p", claimed, { acks: ackOf(served, 5) });
  await expectJson(answer, 200, { ok: true, next_wake: false });
  equal((await served.show("p")).streams[0].acked_offset, served.offset(5));
});

Deno.test("§7.2 with done: true applies the acks, releases the lease, returns exactly ok and next_wake", async () => {
  const served = await pooled();
  await served.write("events/a", "de");
  const claimed = await served.claim("p");
  const answer = await served.answerTo("ack", "p", claimed, { acks: ackOf(served, 4), done: true });
  await expectJson(answer, 200, { ok: true, next_wake: true });
  equal((await served.show("p")).streams[0].acked_offset, served.offset(4));
  const next = await served.claim("p", "other");
  equal(next.generation, 2);
  equal(next.streams[0]?.acked_offset, served.offset(4));
});

Deno.test("§7.2 next_wake says what is pending after the acks, and an event follows where it is true", async () => {
  const served = await pooled();
  await served.write("events/a", "de");
  const claimed = await served.claim("p");
  await served.write("events/a", "f");
  const done = { acks: ackOf(served, 5), done: true };
  await expectJson(await served.answerTo("ack", "p", claimed, done), 200, {
    ok: true,
    next_wake: true,
  });
  const events = await served.wakeEvents();
  deepEqual(events.map(({ generation }) => generation), [1, 2]);
  const again = await served.claim("p");
  const rest = { acks: ackOf(served, 6), done: true };
  await expectJson(await served.answerTo("ack", "p", again, rest), 200, {
    ok: true,
    next_wake: false,
  });
  await served.pass(120_000, 5000);
  equal((await served.wakeEvents()).length, 2);
});

Deno.test("§7.2 done without acks while work is pending backs off", async () => {
  const served = await pooled();
  await served.write("events/a");
  for (let round = 0; round < 3; round++) {
    const claimed = await served.claim("p");
    await expectJson(
      await served.answerTo("ack", "p", claimed, { done: true }),
      200,
      { ok: true, next_wake: true },
    );
  }
  equal((await served.wakeEvents()).length, 1);
  await served.pass(3000);
  equal((await served.wakeEvents()).length, 1, "after about four seconds");
  await served.pass(2000);
  equal((await served.wakeEvents()).length, 2);
});

Deno.test("§7.2 acks: what is right, and what is 409 INVALID_OFFSET and applies nothing", async () => {
  const served = await pooled();
  await served.stream("events/b", "0123");
  await served.stream("other", "0123");
  await served.write("events/a", "defg");
  const claimed = await served.claim("p");
  const ack = async (acks: unknown) => await served.answerTo("ack", "p", claimed, { acks });
  const good = {
    stream: "events/b",
    offset: served.offset(2, streamId(served, claimed, "events/b")),
  };
  const bad: [unknown, string][] = [
    [{ stream: "events/a", offset: served.offset(8) }, "past the tail"],
    [{ stream: "events/a", offset: served.offset(2) }, "lower"],
    [{ stream: "events/a", offset: "-1" }, "lower"],
    [{ stream: "other", offset: served.offset(1, 5) }, "one that it doesn't follow"],
    [{ stream: "nothing", offset: "-1" }, "one that isn't there"],
    [{ stream: "events/a", offset: served.offset(4, 77) }, "another stream's offset"],
  ];
  for (const [entry, how] of bad) {
    const answer = await ack([good, entry]);
    equal((await answer.clone().json()).error.stream, (entry as { stream: string }).stream, how);
    await expectError(answer, 409, "INVALID_OFFSET");
    equal((await served.show("p")).streams[1].acked_offset, "-1", how);
  }
  equal((await ack([good])).status, 200);
  equal((await ack([good])).status, 200, "the same offset again");
  equal((await ack(ackOf(served, 7))).status, 200, "the tail");
  equal((await ack(ackOf(served, 7))).status, 200, "the tail again");
  await expectError(await ack(ackOf(served, 6)), 409, "INVALID_OFFSET");
  equal((await ack([])).status, 200);
});

Deno.test("§7.2 an ack's bad input is 400, and the body names the field", async () => {
  const served = await pooled();
  await served.write("events/a");
  const claimed = await served.claim("p");
  const cases: [Record<string, unknown>, string][] = [
    [{ wake_id: undefined }, "wake_id"],
    [{ wake_id: 7 }, "wake_id"],
    [{ generation: undefined }, "generation"],
    [{ generation: "1" }, "generation"],
    [{ generation: 1.5 }, "generation"],
    [{ generation: -1 }, "generation"],
    [{ acks: "x" }, "acks"],
    [{ acks: [7] }, "acks[0]"],
    [{ acks: [null] }, "acks[0]"],
    [{ acks: [{}] }, "acks[0].stream"],
    [{ acks: [{ stream: 7 }] }, "acks[0].stream"],
    [{ acks: [{ stream: "events/a" }] }, "acks[0].offset"],
    [{ acks: [{ stream: "events/a", offset: 4 }] }, "acks[0].offset"],
    [{ acks: [{ stream: "events/a", offset: "x" }] }, "acks[0].offset"],
    [{ acks: [{ stream: "events/a", offset: "now" }] }, "acks[0].offset"],
    [{ acks: [...ackOf(served, 4), { stream: "events/a", offset: "" }] }, "acks[1].offset"],
    [{ acks: Array(10_001).fill({}) }, "acks"],
    [{ done: "yes" }, "done"],
    [{ done: 1 }, "done"],
  ];
  for (const [more, field] of cases) {
    const answer = await served.answerTo("ack", "p", claimed, more);
    equal((await answer.clone().json()).error.field, field, JSON.stringify(more).slice(0, 60));
    await expectError(answer, 400, "INVALID_REQUEST");
  }
  equal((await served.show("p")).streams[0].acked_offset, served.offset(3));
  equal((await served.answerTo("ack", "p", claimed, { acks: null, done: null })).status, 200);
});

Deno.test("an ack of a stream that was deleted, made again or unlinked since the claim is passed over", async () => {
  const served = new SubscriptionFixture();
  for (const name of ["deleted", "again", "unlinked", "kept"]) await served.stream(name);
  await served.pool("p", { streams: ["deleted", "again", "unlinked", "kept"] });
  for (const name of ["deleted", "again", "unlinked", "kept"]) await served.write(name, "abc");
  const claimed = await served.claim("p");
  const acks = claimed.streams.map(({ path, tail_offset }) => ({
    stream: path,
    offset: tail_offset,
  }));
  await served.delete("deleted");
  await served.delete("again");
  await served.stream("again", "0123456789");
  await served.control("DELETE", "p/streams/unlinked");
  await served.write("unlinked", "more");
  const answer = await served.answerTo("ack", "p", claimed, { acks, done: true });
  await expectJson(answer, 200, { ok: true, next_wake: true });
  const [pending, ...others] = (await served.claim("p")).streams;
  deepEqual(others, []);
  equal(pending?.path, "again");
  equal(pending?.acked_offset, "-1", "the new one begins at its beginning");
});

Deno.test("§7.2 A worker can voluntarily release without acking: 204", async () => {
  const served = await pooled();
  await served.write("events/a");
  const claimed = await served.claim("p");
  const answer = await served.answerTo("release", "p", claimed);
  equal(answer.status, 204);
  equal(await answer.text(), "");
  equal((await served.show("p")).streams[0].acked_offset, served.offset(3));
  // Another one needn't wait for the event.
  equal((await served.claim("p", "other")).generation, 2);
});

Deno.test("§7.2 If pending work remains after release, the server MUST write another wake event", async () => {
  const served = await pooled();
  await served.write("events/a");
  await served.answerTo("release", "p", await served.claim("p"));
  equal((await served.wakeEvents()).length, 1, "not at once");
  await served.pass(1300);
  const [, event] = await served.wakeEvents();
  equal(event?.generation, 2);
  equal((await served.claim("p")).generation, 2);
});

Deno.test("a release backs off, longer each time", async () => {
  const served = await pooled();
  await served.write("events/a");
  const atMs: number[] = [];
  for (let round = 0; round < 5; round++) {
    await served.answerTo("release", "p", await served.claim("p"));
    const before = (await served.wakeEvents()).length;
    const fromMs = served.clock.nowMs();
    while ((await served.wakeEvents()).length === before) await served.pass(100);
    atMs.push(served.clock.nowMs() - fromMs);
  }
  atMs.forEach((ms, i) => ok(ms >= 800 * 2 ** i && ms <= 1200 * 2 ** i + 100, `${atMs}`));
});

Deno.test("a release with nothing pending leaves no back-off behind", async () => {
  const served = await pooled();
  await served.write("events/a");
  const claimed = await served.claim("p");
  await served.answerTo("ack", "p", claimed, { acks: ackOf(served, 4) });
  equal((await served.answerTo("release", "p", claimed)).status, 204);
  equal((await served.wakeEvents()).length, 1);
  await served.write("events/a");
  equal((await served.wakeEvents()).length, 2, "at once");
});

Deno.test("§7.2 Stale release or ack requests MUST return 409 FENCED", async () => {
  const served = await pooled();
  await served.write("events/a");
  const first = await served.claim("p");
  await served.answerTo("release", "p", first);
  const second = await served.claim("p");
  for (const action of ["ack", "release"] as const) {
    const stale = [
      first,
      { ...second, generation: first.generation },
      { ...second, wake_id: first.wake_id },
      { ...second, token: first.token },
      { ...first, token: second.token },
    ];
    for (const woken of stale) {
      const answer = await served.answerTo(action, "p", woken, {
        acks: ackOf(served, 4),
        done: true,
      });
      await expectError(answer, 409, "FENCED");
    }
  }
  equal((await served.show("p")).streams[0].acked_offset, served.offset(3));
  equal((await served.answerTo("ack", "p", second)).status, 200, "the present one still is");
});

Deno.test("§7.3 the lease starts when a worker successfully claims", async () => {
  const served = await pooled(1000);
  await served.write("events/a");
  await served.pass(900);
  const claimed = await served.claim("p");
  await served.pass(999, 333);
  equal((await served.answerTo("ack", "p", claimed)).status, 200);
});

Deno.test("§7.3 When a lease expires, the server MUST clear the holder and wake token", async () => {
  const served = await pooled(1000);
  await served.write("events/a");
  const claimed = await served.claim("p", "worker-1");
  await served.pass(1000);
  for (const action of ["ack", "release"] as const) {
    await expectError(await served.answerTo(action, "p", claimed), 409, "FENCED");
  }
  const next = await served.claim("p", "worker-2");
  equal(next.generation, 2);
  notEqual(next.wake_id, claimed.wake_id);
  await expectError(await served.answerTo("ack", "p", claimed), 409, "FENCED");
});

Deno.test("§7.3 a lease is over exactly at its end, though nobody has looked", async () => {
  const served = await pooled(1000);
  await served.write("events/a");
  const claimed = await served.claim("p", "worker-1");
  served.clock.advance(1000);
  await expectError(await served.answerTo("ack", "p", claimed), 409, "FENCED");
});

Deno.test("§7.3 if pending work remains, it MUST schedule another wake", async () => {
  const served = await pooled(1000);
  await served.write("events/a");
  await served.claim("p");
  await served.pass(2300);
  const events = await served.wakeEvents();
  deepEqual(events.map(({ generation }) => generation), [1, 2]);
});

Deno.test("§7.3 when a lease expires and nothing is pending, nothing is scheduled", async () => {
  const served = await pooled(1000);
  await served.write("events/a");
  await served.answerTo("ack", "p", await served.claim("p"), { acks: ackOf(served, 4) });
  await served.pass(60_000, 1000);
  equal((await served.wakeEvents()).length, 1);
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

Deno.test("§12.9 tokens MUST be passed via the Authorization header: 401 TOKEN_INVALID otherwise", async () => {
  const served = await pooled();
  await served.write("events/a");
  const { wake_id, generation, token } = await served.claim("p");
  const body = { wake_id, generation, acks: ackOf(served, 4), token, done: true };
  const headers: Record<string, string>[] = [
    {},
    { authorization: "" },
    { authorization: token },
    { authorization: `Basic ${token}` },
    { authorization: "Bearer" },
    { authorization: `Bearer ${token} x` },
    { "x-token": token },
  ];
  for (const action of ["ack", "callback", "release"]) {
    for (const fields of headers) {
      const answer = await served.control("POST", `p/${action}?token=${token}`, body, fields);
      match(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
      await expectError(answer, 401, "TOKEN_INVALID");
    }
  }
  const lower = { authorization: `bearer ${token}` };
  equal((await served.control("POST", "p/ack", body, lower)).status, 200, "the scheme in any case");
});

Deno.test("§12.9 Implementations MUST validate token signatures on every callback, ack, and release", async () => {
  const served = await pooled();
  await served.write("events/a");
  const claimed = await served.claim("p");
  const [header = "", payload = "", signature = ""] = claimed.token.split(".");
  const other = btoa(JSON.stringify({ alg: "none" })).replaceAll("=", "");
  const forged = [
    `${header}.${payload}.`,
    `${header}.${payload}.${signature.replace(/^./, (c) => c === "A" ? "B" : "A")}`,
    `${other}.${payload}.`,
    `${other}.${payload}.${signature}`,
    `${header}.${payload.replace(/.$/, "")}.${signature}`,
    `${payload}.${signature}`,
    "x",
    "x".repeat(10_000),
  ];
  for (const action of ["ack", "callback", "release"] as const) {
    for (const token of forged) {
      const answer = await served.answerTo(action, "p", { ...claimed, token }, { done: true });
      await expectError(answer, 401, "TOKEN_INVALID");
    }
  }
  equal((await served.answerTo("ack", "p", claimed)).status, 200);
});

Deno.test("§12.9 Tokens SHOULD contain the subscription identity, generation, and expiry", async () => {
  const served = await pooled();
  await served.write("events/a");
  const { token, generation } = await served.claim("p");
  const claims = JSON.parse(
    atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")),
  );
  equal(claims.sub, "p");
  equal(claims.gen, generation);
  ok(claims.exp * 1000 > served.clock.nowMs());
});

Deno.test("§12.9 a token lives as long as its lease is extended, for hours", async () => {
  const served = await pooled(600_000);
  await served.write("events/a");
  const claimed = await served.claim("p");
  for (let i = 0; i < 30; i++) {
    served.clock.advance(599_000);
    equal((await served.answerTo("ack", "p", claimed)).status, 200);
  }
});

Deno.test("§12.9 a token whose time is over is 401 TOKEN_EXPIRED", async () => {
  const served = await pooled();
  await served.write("events/a");
  const claimed = await served.claim("p");
  served.clock.advance(30 * 24 * 60 * 60 * 1000 - 1);
  await expectError(await served.answerTo("ack", "p", claimed), 409, "FENCED");
  served.clock.advance(1000);
  for (const action of ["ack", "release"] as const) {
    await expectError(await served.answerTo(action, "p", claimed), 401, "TOKEN_EXPIRED");
  }
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

/** The id of a stream as its offsets have it. */
function streamId(
  served: SubscriptionFixture,
  { streams }: { streams: readonly { path: string; tail_offset: string }[] },
  path: string,
): number {
  const offset = streams.find((stream) => stream.path === path)?.tail_offset ?? "";
  return parseInt(offset.split("_")[0] ?? "", 36) - parseInt(served.storage.identity, 16);
}
