import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { expectError } from "../../support/fixture.ts";
import { ackOf, pooled } from "./followed.ts";

/** PROTOCOL §7.3 and §12.9: generations, leases and tokens. */

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
