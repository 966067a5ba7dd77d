import { deepEqual, equal, match, ok } from "node:assert/strict";
import { expectError, TEXT } from "../../support/fixture.ts";
import { bearer, expectJson, SubscriptionFixture } from "../../support/subscription_fixture.ts";
import { ackOf, pooled } from "./followed.ts";

/** PROTOCOL §7.2: claim, ack and release. */

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

/** The id of a stream as its offsets have it. */
function streamId(
  served: SubscriptionFixture,
  { streams }: { streams: readonly { path: string; tail_offset: string }[] },
  path: string,
): number {
  const offset = streams.find((stream) => stream.path === path)?.tail_offset ?? "";
  return parseInt(offset.split("-")[0] ?? "", 36) - parseInt(served.storage.identity, 16);
}
