import { deepEqual, equal, ok } from "node:assert/strict";
import type { Permit } from "../../../src/access/permit.ts";
import { CLOSE, type Fields, isPending, settle, TEXT } from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";
import { parseSse } from "../../support/sse_parser.ts";
import { GuardedFixture } from "./authority.ts";

const SSE = "a?offset=-1&live=sse";

/** An app with a stream `a` that holds text; what ends a token before its time. */
async function served(text = "one") {
  const app = new GuardedFixture();
  await app.make("a", { ...TEXT, ...app.root }, text);
  let made = 0;
  const reader = (more: Partial<Permit>): Fields =>
    app.authority.token(`t${made++}`, ["read a"], more);
  return { app, reader, append: (data: string) => app.append("a", { ...TEXT, ...app.root }, data) };
}

/** The last events of a connection: what they are and say. */
function eventsOf(text: string): [string, string][] {
  return parseSse(text).events.map(({ type, data }) => [type, data]);
}

for (const reason of ["expired", "revoked"] as const) {
  Deno.test(`an SSE connection whose right is ${reason} ends with where to resume and why`, async () => {
    const { app, reader, append } = await served();
    const revoked = new AbortController();
    const token = reader(
      reason === "expired" ? { expiresAtMs: app.clock.nowMs() + 5000 } : { signal: revoked.signal },
    );
    const sse = new SseConnection(await app.get(SSE, token));
    equal((await sse.frame()).data, "one");
    await append("two");
    const { data, control } = await sse.frame();
    equal(data, "two");
    if (reason === "revoked") {
      app.clock.advance(1100);
      revoked.abort();
    } else {
      app.clock.advance(4999);
      await settle();
      await append("3");
      equal((await sse.frame()).data, "3");
      app.clock.advance(1);
    }
    await append("later");
    const events = eventsOf(await sse.rest());
    const [last, end] = events;
    equal(events.length, 2);
    equal(last?.[0], "control");
    const told = JSON.parse(last?.[1] ?? "");
    equal(told.streamNextOffset, app.offset(reason === "expired" ? 7 : 6));
    equal(told.upToDate, true);
    ok(told.streamCursor !== undefined && control.streamNextOffset === app.offset(6));
    deepEqual(end, ["credential-expired", JSON.stringify({ reason })]);
    equal((await app.get(SSE, token)).status, 401);
  });
}

Deno.test("a reader that comes back with a new token loses and doubles nothing", async () => {
  const { app, reader, append } = await served("");
  let text = "";
  let seen = "";
  let next = "-1";
  for (let round = 0; round < 5; round++) {
    const token = reader({ expiresAtMs: app.clock.nowMs() + 2000 });
    const sse = new SseConnection(await app.get(`a?offset=${next}&live=sse`, token));
    for (let i = 0; i < 10; i++) {
      const data = `${round}.${i} `;
      text += data;
      await append(data);
      if (i === 5) app.clock.advance(2000);
    }
    for (const [type, data] of eventsOf(await sse.rest())) {
      if (type === "data") seen += data;
      else if (type === "control") next = JSON.parse(data).streamNextOffset;
      else equal(type, "credential-expired");
    }
  }
  const token = reader({ expiresAtMs: app.clock.nowMs() + 2000 });
  seen += await (await app.get(`a?offset=${next}`, token)).text();
  equal(seen, text);
});

Deno.test("only the reader whose right has ended ends, others at the same place read on", async () => {
  const { app, reader, append } = await served();
  const short = new SseConnection(
    await app.get(SSE, reader({ expiresAtMs: app.clock.nowMs() + 2000 })),
  );
  const long = new SseConnection(await app.get(SSE, reader({})));
  for (const sse of [short, long]) equal((await sse.frame()).data, "one");
  app.clock.advance(2000);
  ok((await short.rest()).includes("credential-expired"));
  await append("two");
  equal((await long.frame()).data, "two");
  await long.cancel();
});

Deno.test("thousands of readers by one token end together, and none that left is kept", async () => {
  const { app, reader } = await served();
  const revoked = new AbortController();
  const token = reader({ signal: revoked.signal, expiresAtMs: app.clock.nowMs() + 60_000 });
  const all = await Promise.all(
    Array.from({ length: 1000 }, async () => new SseConnection(await app.get(SSE, token))),
  );
  const [first, ...others] = all;
  await first?.cancel();
  revoked.abort();
  app.clock.advance(1100);
  for (const sse of others) ok((await sse.rest()).endsWith('data:{"reason":"revoked"}\n\n'));
  await settle();
  app.clock.advance(1000);
  equal(app.clock.pendingTimers, 0, "no timer is left");
});

Deno.test("an SSE connection that ends otherwise leaves no timer for its right", async () => {
  const { app, reader } = await served();
  const token = reader({ expiresAtMs: app.clock.nowMs() + 1e6 });
  const sse = new SseConnection(await app.get(SSE, token));
  await sse.frame();
  await sse.cancel();
  app.clock.advance(2000);
  equal(app.clock.pendingTimers, 0);
});

Deno.test("a reader that doesn't read ends by then, too", async () => {
  const { app, reader, append } = await served();
  const token = reader({ expiresAtMs: app.clock.nowMs() + 2000 });
  const answer = await app.get(SSE, token);
  for (let i = 0; i < 100; i++) await append("x".repeat(10_000));
  app.clock.advance(2000);
  const text = await answer.text();
  ok(text.endsWith('event: credential-expired\ndata:{"reason":"expired"}\n\n'), text.slice(-200));
  ok(text.length < 300_000, `${text.length} characters were sent`);
  const control = eventsOf(text).at(-2)?.[1] ?? "";
  // There was more: nobody is told that this was all.
  equal(JSON.parse(control).upToDate, undefined);
  const sent = eventsOf(text).filter(([type]) => type === "data").map(([, data]) => data).join("");
  equal(JSON.parse(control).streamNextOffset, app.offset(sent.length));
});

for (const reason of ["expired", "revoked"] as const) {
  Deno.test(`a long-poll whose right is ${reason} is answered as at a time-out, and nothing later is in it`, async () => {
    const { app, reader, append } = await served();
    const revoked = new AbortController();
    const token = reader(
      reason === "expired" ? { expiresAtMs: app.clock.nowMs() + 1000 } : { signal: revoked.signal },
    );
    const waiting = app.get(`a?offset=${app.offset(3)}&live=long-poll`, token);
    const other = app.get(`a?offset=${app.offset(3)}&live=long-poll`, app.root);
    ok(await isPending(waiting));
    if (reason === "revoked") revoked.abort();
    else app.clock.advance(1000);
    await append("late");
    const answer = await waiting;
    equal(answer.status, 204);
    equal(answer.headers.get("stream-next-offset"), app.offset(3));
    equal(answer.headers.get("stream-up-to-date"), "true");
    ok(answer.headers.get("stream-cursor") !== null);
    equal(await (await other).text(), "late");
  });
}

Deno.test("a long-poll that ends otherwise leaves no timer for its right", async () => {
  const { app, reader, append } = await served();
  const token = reader({ expiresAtMs: app.clock.nowMs() + 1e6 });
  const waiting = app.get(`a?offset=${app.offset(3)}&live=long-poll`, token);
  ok(await isPending(waiting));
  await append("more");
  equal(await (await waiting).text(), "more");
  app.clock.advance(1000);
  equal(app.clock.pendingTimers, 0);
});

Deno.test("a connection whose right ends at once is silent until it has lasted a second, and then says why", async () => {
  const { app, reader, append } = await served();
  const ended = new AbortController();
  const token = reader({ signal: ended.signal });
  const sse = new SseConnection(await app.get(SSE, token));
  equal((await sse.frame()).data, "one");
  app.clock.advance(300);
  ended.abort();
  equal((await app.get("a", token)).status, 401);
  await append("secret");
  await app.append("a", { ...CLOSE, ...app.root }, undefined);
  const rest = sse.rest();
  app.clock.advance(799);
  ok(await isPending(rest), "clients take connections that end within a second for a broken proxy");
  app.clock.advance(1);
  const [last, end, ...others] = eventsOf(await rest);
  deepEqual(others, []);
  deepEqual(end, ["credential-expired", '{"reason":"revoked"}']);
  const { streamNextOffset, upToDate, streamClosed } = JSON.parse(last?.[1] ?? "");
  equal(streamNextOffset, app.offset(3));
  deepEqual([upToDate, streamClosed], [undefined, undefined], "nobody is told that this was all");
  app.clock.advance(1000);
  equal(app.clock.pendingTimers, 0);
});

Deno.test("one that its client leaves meanwhile leaves no timer", async () => {
  const { app, reader } = await served();
  const ended = new AbortController();
  const sse = new SseConnection(await app.get(SSE, reader({ signal: ended.signal })));
  await sse.frame();
  ended.abort();
  await sse.cancel();
  await settle();
  app.clock.advance(1000);
  equal(app.clock.pendingTimers, 0);
});
