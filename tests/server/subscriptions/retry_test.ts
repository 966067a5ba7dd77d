import { deepEqual, equal, ok } from "node:assert/strict";
import { expectError } from "../../support/fixture.ts";
import { ACCEPTED, DONE } from "../../support/scripted_transport.ts";
import { expectJson, settled, wokenBy } from "../../support/subscription_fixture.ts";
import { ackOf, followed } from "./followed.ts";

/** PROTOCOL §7.1 and §7.3: retries of webhooks, their leases, and back-off. */

Deno.test("§7.1 retries use exponential backoff from 1 second up to 60 seconds with 20% jitter", async () => {
  const served = await followed();
  const sentMs: number[] = [];
  served.endpoint.script = () => {
    sentMs.push(served.clock.nowMs());
    return { status: 500 };
  };
  await served.write("events/a");
  await served.pass(420_000, 50);
  const waits = sentMs.slice(1).map((ms, i) => ms - (sentMs[i] ?? 0));
  ok(waits.length >= 8, `${waits.length} retries`);
  waits.forEach((wait, i) => {
    const whole = Math.min(60_000, 1000 * 2 ** i);
    ok(wait >= whole * 0.8 && wait <= whole * 1.2 + 50, `${wait} for ${whole}`);
  });
});

Deno.test("§7.1 a retry has the same wake, generation and body bytes, and a new t and signature", async () => {
  const served = await followed();
  served.endpoint.script = () => ({ status: 500 });
  // The first retry comes after 0.8 s at the least, and that is in another second.
  served.clock.advance(500);
  await served.write("events/a");
  await served.write("events/a");
  await served.pass(30_000);
  const [first, ...others] = served.endpoint.requests;
  ok(first !== undefined && others.length >= 3);
  const times = [(await served.verified(first)).t];
  for (const other of others) {
    deepEqual(other.body, first.body);
    times.push((await served.verified(other)).t);
  }
  equal(new Set(times).size, times.length);
  deepEqual(times, [...times].sort((one, two) => one - two));
});

Deno.test("§7.1 a refused connection is retried too, and back-off begins anew after success", async () => {
  const served = await followed();
  served.endpoint.script = () => "refuse";
  await served.write("events/a");
  await served.pass(20_000);
  const failed = served.endpoint.requests.length;
  ok(failed >= 4);
  served.endpoint.script = () => DONE;
  await served.pass(25_000);
  equal(served.endpoint.requests.length, failed + 1);
  served.endpoint.script = () => "refuse";
  await served.write("events/a");
  await served.pass(1300);
  equal(served.endpoint.requests.length, failed + 3, "retried after about a second");
});

Deno.test("§7.1 a callback of a wake that waits for its retry is taken", async () => {
  const served = await followed();
  served.endpoint.script = () => ({ status: 500 });
  await served.write("events/a");
  const done = { acks: ackOf(served, 4), done: true };
  const answer = await served.answerTo("callback", "s", served.lastWake(), done);
  await expectJson(answer, 200, { ok: true, next_wake: false });
  await served.pass(60_000, 1000);
  equal(served.endpoint.requests.length, 1);
  equal((await served.show("s")).status, "active");
});

Deno.test("§7.3 the lease starts when a wake is issued and is extended by valid callbacks", async () => {
  const served = await followed(1000);
  served.endpoint.script = () => ACCEPTED;
  await served.write("events/a");
  const wake = served.lastWake();
  for (let i = 0; i < 20; i++) {
    await served.pass(900);
    equal((await served.answerTo("callback", "s", wake)).status, 200);
  }
  equal(served.endpoint.requests.length, 1);
  await served.pass(999);
  equal((await served.answerTo("callback", "s", wake)).status, 200);
  await served.pass(1000);
  await expectError(await served.answerTo("callback", "s", wake), 409, "FENCED");
});

Deno.test("§7.3 a callback that is invalid doesn't extend the lease", async () => {
  const served = await followed(1000);
  await served.write("events/a");
  const wake = served.lastWake();
  await served.pass(900);
  const acks = ackOf(served, 99);
  await expectError(await served.answerTo("callback", "s", wake, { acks }), 409, "INVALID_OFFSET");
  await expectError(
    await served.answerTo("callback", "s", { ...wake, generation: 9 }),
    409,
    "FENCED",
  );
  await served.pass(100);
  await expectError(await served.answerTo("callback", "s", wake), 409, "FENCED");
});

Deno.test("a slow done of generation 1, after its lease, acks nothing of generation 2", async () => {
  const served = await followed(1000);
  const slow = Promise.withResolvers<{ status: number; body: string }>();
  served.endpoint.script = () => slow.promise;
  await served.write("events/a");
  served.endpoint.script = () => ACCEPTED;
  await served.pass(1000);
  await served.write("events/a");
  await served.pass(1300);
  equal(served.lastWake().generation, 2);
  slow.resolve({ status: 200, body: '{"done":true}' });
  await settled();
  equal((await served.show("s")).streams[0].acked_offset, served.offset(3));
  const done = { acks: ackOf(served, 5), done: true };
  const answer = await served.answerTo("callback", "s", served.lastWake(), done);
  await expectJson(answer, 200, { ok: true, next_wake: false });
});

Deno.test("lease expiry respects back-off: a hanging endpoint with a lease of 1 s isn't asked seven times in 5 s", async () => {
  const served = await followed(1000);
  const sentMs: number[] = [];
  served.endpoint.script = () => {
    sentMs.push(served.clock.nowMs());
    return "hang";
  };
  await served.write("events/a");
  await served.pass(5000, 50);
  ok(sentMs.length <= 3, `${sentMs.length} requests in 5 s`);
  await served.pass(200_000, 50);
  const waits = sentMs.slice(1).map((ms, i) => ms - (sentMs[i] ?? 0) - 1000);
  waits.forEach((wait, i) => ok(wait >= Math.min(60_000, 1000 * 2 ** i) * 0.8 - 50, `${waits}`));
  equal(served.endpoint.inFlight <= 1, true);
});

Deno.test("lease expiry with failing answers: one rhythm of back-off, not two", async () => {
  const served = await followed(1000);
  served.endpoint.script = () => ({ status: 500 });
  await served.write("events/a");
  await served.pass(5000, 50);
  ok(served.endpoint.requests.length <= 4, `${served.endpoint.requests.length} requests in 5 s`);
});

Deno.test("a worker that accepts and never acks is woken ever less often", async () => {
  const served = await followed(1000);
  await served.write("events/a");
  await served.pass(60_000);
  ok(served.endpoint.requests.length <= 7, `${served.endpoint.requests.length} requests`);
  const generations = served.endpoint.requests.map(({ body }) => wokenBy(body).generation);
  deepEqual(generations, generations.map((_, i) => i + 1));
});

Deno.test("a done callback without acks while work is pending isn't woken in a hot loop", async () => {
  const served = await followed();
  await served.write("events/a");
  for (let round = 0; round < 200; round++) {
    const answer = await served.answerTo("callback", "s", served.lastWake(), { done: true });
    if (answer.status === 200) await expectJson(answer, 200, { ok: true, next_wake: true });
    else equal(answer.status, 409);
    await served.pass(50, 50);
  }
  ok(served.endpoint.requests.length <= 5, `${served.endpoint.requests.length} requests in 10 s`);
});

Deno.test("a callback's progress ends the back-off", async () => {
  const served = await followed();
  await served.write("events/a", "defghi");
  for (let position = 4; position <= 8; position++) {
    const done = { acks: ackOf(served, position), done: true };
    await expectJson(
      await served.answerTo("callback", "s", served.lastWake(), done),
      200,
      { ok: true, next_wake: true },
    );
  }
  equal(served.endpoint.requests.length, 6, "each at once");
});

Deno.test("a retry that waits is made at once when it is asked for, and what failed is told of", async () => {
  const served = await followed();
  served.endpoint.script = () => ({ status: 500 });
  await served.write("events/a");
  await served.pass(20_000);
  const made = served.endpoint.requests.length;
  const failing = await served.show("s");
  equal(failing.phase, "waiting");
  deepEqual(failing.lag, { streams: 1 });
  ok(failing.failures >= 3 && failing.generation === 1);
  ok(failing.last_failure.reason.includes("500"), failing.last_failure.reason);
  ok(Date.parse(failing.due_at) > served.clock.nowMs());
  served.endpoint.script = () => DONE;
  const answer = await served.control("POST", "s/retry");
  equal(answer.status, 200);
  deepEqual(await answer.json(), { retried: true });
  await settled();
  equal(served.endpoint.requests.length, made + 1, "no time has passed");
  const well = await served.show("s");
  deepEqual([well.phase, well.lag.streams, well.last_failure], ["idle", 0, null]);
  deepEqual(await (await served.control("POST", "s/retry")).json(), { retried: false });
  await expectError(await served.control("GET", "s/retry"), 405, "METHOD_NOT_ALLOWED");
  const missing = await served.control("POST", "missing/retry");
  await expectError(missing, 404, "SUBSCRIPTION_NOT_FOUND");
});
