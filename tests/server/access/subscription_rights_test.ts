import { deepEqual, equal, ok } from "node:assert/strict";
import type { Permit } from "../../../src/access/permit.ts";
import { createApp } from "../../../src/server/app.ts";
import { type Fields, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { bearer, HOOK, settled } from "../../support/subscription_fixture.ts";
import { DONE } from "../../support/scripted_transport.ts";
import { GuardedFixture, TableAuthority } from "./authority.ts";

const WEBHOOK = { type: "webhook", webhook: { url: HOOK } };
const PULL = { type: "pull-wake", wake_stream: "wake/pool" };
const SUBSCRIBER = "subscribe,read,append events/**";

/** An app with a stream `events/a`, and a token that may subscribe to what is beside it. */
async function served(): Promise<
  { app: GuardedFixture; token: Fields; write: () => Promise<void> }
> {
  const app = new GuardedFixture();
  await app.fill("events/a", "other/a");
  await app.put("wake/pool", { ...JSON_TYPE, ...app.root });
  const token = app.authority.token("sub", [SUBSCRIBER, "append wake/*"], { creator: "sub-1" });
  app.authority.creators.set("sub-1", permitOf(SUBSCRIBER, "append wake/*"));
  const write = async () => {
    equal((await app.post("events/a", { ...TEXT, ...app.root }, "x")).status, 204);
    await settled();
  };
  return { app, token, write };
}

function permitOf(...grants: string[]): Permit {
  return { subject: "sub", grants };
}

Deno.test("a subscription needs the right over its whole pattern, every path and its wake stream", async () => {
  const { app, token } = await served();
  const rejected: Record<string, unknown>[] = [
    { ...WEBHOOK, pattern: "**" },
    { ...WEBHOOK, pattern: "*/a" },
    { ...WEBHOOK, pattern: "**/a" },
    { ...WEBHOOK, pattern: "eventsx/*" },
    { ...WEBHOOK, streams: ["events/a", "other/a"] },
    { ...WEBHOOK, pattern: "events/*", streams: ["other/a"] },
    { ...PULL, pattern: "events/*", wake_stream: "other/wake" },
    { ...PULL, pattern: "events/*", wake_stream: "eventsx" },
  ];
  for (const spec of rejected) {
    const answer = await app.control("PUT", "s", spec, token);
    const { error } = await answer.json();
    equal(answer.status, 403, JSON.stringify(spec));
    equal(error.code, "FORBIDDEN");
  }
  equal((await app.control("GET", "s", undefined, app.root)).status, 404);
  for (const pattern of ["events/*", "events/**", "events/*/x", "events"]) {
    equal(
      (await app.control("PUT", pattern.length + "", { ...WEBHOOK, pattern }, token)).status,
      201,
    );
  }
  const pool = { ...PULL, pattern: "events/*", streams: ["events/b"] };
  equal((await app.control("PUT", "pool", pool, token)).status, 201);
});

Deno.test("links need the right, too, and one that another has added takes it away from who lacks it", async () => {
  const { app, token } = await served();
  await app.control("PUT", "s", { ...WEBHOOK, pattern: "events/*" }, token);
  const linkTo = (stream: string, by: Fields) =>
    app.control("POST", "s/streams", { streams: [stream] }, by);
  equal((await linkTo("events/x/y", token)).status, 204);
  equal((await linkTo("other/a", token)).status, 403);
  equal((await app.control("GET", "s", undefined, token)).status, 200);
  equal((await linkTo("other/a", app.root)).status, 204);
  for (
    const [method, path] of [["GET", "s"], ["DELETE", "s"], ["DELETE", "s/streams/events%2Fx"]]
  ) {
    equal((await app.control(method ?? "", path ?? "", undefined, token)).status, 403);
  }
  const again = await app.control("PUT", "s", { ...WEBHOOK, pattern: "events/*" }, token);
  equal(again.status, 403);
  ok(!(await again.text()).includes("other/a"));
  equal((await app.control("DELETE", "s/streams/other%2Fa", undefined, app.root)).status, 204);
  equal((await app.control("DELETE", "s", undefined, token)).status, 204);
});

Deno.test("the list of subscriptions has those that somebody may follow, with pages of them alone", async () => {
  const { app, token } = await served();
  for (let i = 0; i < 150; i++) {
    const id = String(i).padStart(3, "0");
    await app.control("PUT", `a${id}`, { ...WEBHOOK, pattern: "other/*" }, app.root);
    if (i < 101) await app.control("PUT", `b${id}`, { ...WEBHOOK, pattern: "events/*" }, token);
  }
  const first = await (await app.get("__ds/subscriptions", token)).json();
  equal(first.subscriptions.length, 100);
  equal(first.next, "b099");
  const rest = await (await app.get(`__ds/subscriptions?after=${first.next}`, token)).json();
  deepEqual(rest.subscriptions.map(({ id }: { id: string }) => id), ["b100"]);
  equal(rest.next, undefined);
  const reader = app.authority.token("reader", ["read **"]);
  equal((await app.get("__ds/subscriptions", reader)).status, 403);
});

Deno.test("what a subscription keeps of its creator is shown to nobody, and tells no two apart", async () => {
  const { app, token } = await served();
  const spec = { ...WEBHOOK, pattern: "events/*" };
  const answers = [
    await app.control("PUT", "s", spec, token),
    await app.control("PUT", "s", spec, app.root),
    await app.control("GET", "s", undefined, app.root),
    await app.get("__ds/subscriptions", app.root),
  ];
  deepEqual(answers.map(({ status }) => status), [201, 200, 200, 200]);
  for (const answer of answers) {
    const text = await answer.text();
    ok(!text.includes("sub-1") && !text.includes("creator"), text);
  }
});

Deno.test("more than 4 KiB of a creator are kept of nobody", async () => {
  const { app } = await served();
  for (const [length, status] of [[4096, 201], [4097, 403]] as const) {
    const more = { creator: "x".repeat(length) };
    const token = app.authority.token(`t${length}`, [SUBSCRIBER], more);
    const answer = await app.control(
      "PUT",
      `${length}`,
      { ...WEBHOOK, pattern: "events/*" },
      token,
    );
    equal(answer.status, status);
  }
});

Deno.test("a webhook isn't sent once its creator's right is taken back, and is once it is given again", async () => {
  const { app, token, write } = await served();
  app.endpoint.script = () => DONE;
  await app.control("PUT", "s", { ...WEBHOOK, pattern: "events/*" }, token);
  await write();
  equal(app.endpoint.requests.length, 1);
  for (const taken of [undefined, permitOf("read **"), permitOf("subscribe events/a")]) {
    if (taken === undefined) app.authority.creators.delete("sub-1");
    else app.authority.creators.set("sub-1", taken);
    const before: number = app.endpoint.requests.length;
    await write();
    await app.pass(120_000, 5000);
    equal(app.endpoint.requests.length, before);
    equal((await (await app.control("GET", "s", undefined, app.root)).json()).status, "failed");
    app.authority.creators.set("sub-1", permitOf(SUBSCRIBER));
    await app.pass(75_000, 1000);
    equal(app.endpoint.requests.length, before + 1);
  }
  equal((await (await app.control("GET", "s", undefined, app.root)).json()).status, "active");
});

Deno.test("a webhook that is to be tried again isn't, where the right has ended meanwhile", async () => {
  const { app, token, write } = await served();
  app.endpoint.script = () => ({ status: 500 });
  await app.control("PUT", "s", { ...WEBHOOK, pattern: "events/*" }, token);
  await write();
  await app.pass(1500);
  equal(app.endpoint.requests.length, 2);
  app.authority.creators.set("sub-1", { ...permitOf(SUBSCRIBER), expiresAtMs: app.clock.nowMs() });
  await app.pass(120_000, 1000);
  equal(app.endpoint.requests.length, 2);
});

Deno.test("appends while the right is away don't put off the next attempt, nor does a fault of the authority", async () => {
  const { app, token, write } = await served();
  const { permitOf: right } = TableAuthority.prototype;
  app.authority.permitOf = () => {
    throw new Error("the directory is away");
  };
  await app.control("PUT", "s", { ...WEBHOOK, pattern: "events/*" }, token);
  for (let i = 0; i < 50; i++) await write();
  equal(app.endpoint.requests.length, 0);
  app.authority.permitOf = right;
  // The first wait is a second and a fifth at most.
  await app.pass(1300);
  equal(app.endpoint.requests.length, 1);
});

Deno.test("appends while the right is away don't put off the next wake event either", async () => {
  const { app, token, write } = await served();
  await app.control("PUT", "p", { ...PULL, pattern: "events/*" }, token);
  app.authority.creators.delete("sub-1");
  for (let i = 0; i < 50; i++) await write();
  app.authority.creators.set("sub-1", permitOf(SUBSCRIBER, "append wake/*"));
  await app.pass(1300);
  equal(JSON.parse(await (await app.get("wake/pool", app.root)).text()).length, 1);
});

Deno.test("a link to what its creator may not follow holds back the whole subscription until it is gone", async () => {
  const { app, token, write } = await served();
  app.endpoint.script = () => DONE;
  await app.control("PUT", "s", { ...WEBHOOK, pattern: "events/*" }, token);
  await write();
  equal(app.endpoint.requests.length, 1);
  await app.control("POST", "s/streams", { streams: ["other/a"] }, app.root);
  await write();
  equal(app.endpoint.requests.length, 1);
  await app.control("DELETE", "s/streams/other%2Fa", undefined, app.root);
  await app.pass(1300);
  equal(app.endpoint.requests.length, 2);
});

Deno.test("a delivery that a stop has cut off isn't sent again by the next start without the right", async () => {
  const stopped = new AbortController();
  const app = new GuardedFixture({ signal: stopped.signal });
  const token = app.authority.token("sub", [SUBSCRIBER], { creator: "sub-1" });
  app.authority.creators.set("sub-1", permitOf(SUBSCRIBER));
  app.endpoint.script = () => "hang";
  await app.fill("events/a");
  await app.control("PUT", "s", { ...WEBHOOK, pattern: "events/*" }, token);
  await app.post("events/a", { ...TEXT, ...app.root }, "x");
  await settled();
  equal(app.endpoint.requests.length, 1);
  stopped.abort();
  await settled();
  app.authority.creators.delete("sub-1");
  const { storage, clock, authority, endpoint } = app;
  const next = createApp({
    storage,
    clock,
    authorize: authority,
    subscriptions: { transport: endpoint, allowLoopback: true },
  });
  await settled();
  await app.pass(60_000, 5000);
  equal(endpoint.requests.length, 1);
  authority.creators.set("sub-1", permitOf(SUBSCRIBER));
  await app.pass(75_000, 1000);
  equal(endpoint.requests.length, 2);
  equal((await next.request("/v1/stream/events/a", { headers: app.root })).status, 200);
});

Deno.test("a worker can't claim, and no wake event is written, without the creator's right", async () => {
  const { app, token, write } = await served();
  await app.control("PUT", "p", { ...PULL, pattern: "events/*" }, token);
  const events = async () => JSON.parse(await (await app.get("wake/pool", app.root)).text()).length;
  app.authority.creators.set("sub-1", permitOf(SUBSCRIBER));
  await write();
  await app.pass(120_000, 5000);
  equal(await events(), 0, "the right to append to the wake stream is missing");
  app.authority.creators.delete("sub-1");
  const claim = () => app.control("POST", "p/claim", { worker: "w" }, token);
  const refused = await claim();
  equal(refused.status, 403);
  ok((await refused.text()).includes("creator"));
  await app.pass(120_000, 5000);
  equal(await events(), 0);
  app.authority.creators.set("sub-1", permitOf(SUBSCRIBER, "append wake/*"));
  await app.pass(75_000, 1000);
  ok(await events() > 0);
  const claimed = await claim();
  equal(claimed.status, 200);
  // What the worker has it keeps by its wake's own token.
  app.authority.creators.delete("sub-1");
  const { token: wakeToken, generation, wake_id } = await claimed.json();
  const body = { generation, wake_id, done: true };
  equal((await app.control("POST", "p/ack", body, bearer(wakeToken))).status, 200);
});

Deno.test("an authority that answers later is waited for, at a wake and at a claim", async () => {
  const authority = new TableAuthority();
  let mayFollow = true;
  const app = new GuardedFixture({
    authorize: {
      authorize: authority.authorize,
      permitOf: () => Promise.resolve(mayFollow ? permitOf(SUBSCRIBER, "append **") : undefined),
    },
  }, authority);
  const token = authority.token("sub", [SUBSCRIBER, "append **"], { creator: "sub-1" });
  await app.fill("events/a");
  await app.control("PUT", "s", { ...WEBHOOK, pattern: "events/*" }, token);
  const write = async () => {
    await app.post("events/a", { ...TEXT, ...app.root }, "x");
    await settled();
  };
  await write();
  equal(app.endpoint.requests.length, 1);
  mayFollow = false;
  await app.pass(120_000, 5000);
  equal(app.endpoint.requests.length, 1);
});

Deno.test("without a creator, or where the authority knows none, a subscription lives by itself", async () => {
  const { app, write } = await served();
  const nameless = app.authority.token("nameless", [SUBSCRIBER]);
  await app.control("PUT", "s", { ...WEBHOOK, pattern: "events/*" }, nameless);
  app.authority.creators.clear();
  await write();
  equal(app.endpoint.requests.length, 1);
});

Deno.test("rotating the keys is for admins of everything", async () => {
  const { app, token } = await served();
  const rotate = (by: Fields) => app.send("POST", "/v1/stream/__ds/jwks.json/rotate", by);
  equal((await rotate(token)).status, 403);
  equal((await rotate(app.root)).status, 200);
});
