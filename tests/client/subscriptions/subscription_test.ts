import { deepEqual, equal, fail, match, ok, rejects } from "node:assert/strict";
import { Client } from "../../../src/client/client.ts";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import type { ClientErrorCode } from "../../../src/client/errors/client_error.ts";
import { type ReceivedWebhook, verifyWebhook } from "../../../src/client/subscriptions/webhook.ts";
import { withRetry } from "../../../src/client/transport/retry.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { AppKit, ScriptKit } from "../../support/client/reader_kit.ts";

async function fails(work: Promise<unknown>, code: ClientErrorCode, says = /./): Promise<void> {
  await rejects(work, (error) => {
    ok(error instanceof ClientError, String(error));
    equal(error.code, code, error.message);
    match(error.message, says);
    return true;
  });
}

async function pullKit(): Promise<AppKit> {
  const kit = new AppKit({ listing: true });
  await kit.make("wakes", JSON_TYPE);
  await kit.client.subscription("s").create({ pattern: "a/*", wakeStream: "wakes" });
  return kit;
}

Deno.test("a subscription is created, confirmed, read and deleted (§6.2, §6.3)", async () => {
  const kit = new AppKit();
  const subscription = kit.client.subscription("größe 1");
  const options = {
    pattern: "a/*",
    streams: ["b", "c/é"],
    webhookUrl: "https://worker.example/hook",
    leaseMs: 5_000,
    description: "for people",
  };
  const { created, streams, createdAt, ...rest } = await subscription.create(options);
  ok(created);
  equal(createdAt.getTime(), kit.clock.nowMs());
  deepEqual(streams.map(({ path, linkType }) => [path, linkType]), [
    ["b", "explicit"],
    ["c/é", "explicit"],
  ]);
  deepEqual(rest, {
    id: "größe 1",
    type: "webhook",
    leaseMs: 5_000,
    status: "active",
    pattern: "a/*",
    webhookUrl: "https://worker.example/hook",
    jwksUrl: "http://localhost/v1/stream/__ds/jwks.json",
    description: "for people",
  });
  equal((await subscription.create(options)).created, false);
  await fails(subscription.create({ ...options, leaseMs: 6_000 }), "conflict");
  deepEqual(await subscription.get(), { ...rest, streams, createdAt });
  await subscription.delete();
  await fails(subscription.get(), "not_found");
  await fails(subscription.delete(), "not_found");
});

Deno.test("a delete whose first answer got lost has succeeded", async () => {
  const answers = [
    new Response(null, { status: 503 }),
    Response.json({ error: { code: "SUBSCRIPTION_NOT_FOUND" } }, { status: 404 }),
  ];
  const fetch = () => answers.shift() ?? fail("nobody expected a third");
  const transport = withRetry({ initialDelayMs: 0 })(fetchTransport({ fetch }));
  await new Client("http://localhost/v1/stream", { transport }).subscription("s").delete();
});

Deno.test("streams are linked and unlinked (§6.4)", async () => {
  const kit = await pullKit();
  const subscription = kit.client.subscription("s");
  await kit.make("x/ü y", TEXT);
  await subscription.link(["x/ü y", "a/1"]);
  const paths = async () => (await subscription.get()).streams.map(({ path }) => path).sort();
  deepEqual(await paths(), ["a/1", "x/ü y"]);
  await subscription.unlink("x/ü y");
  deepEqual(await paths(), ["a/1"]);
});

Deno.test("a wake is claimed once, acked and finished (§7.2)", async () => {
  const kit = await pullKit();
  const subscription = kit.client.subscription("s");
  equal(await subscription.claim("w1"), undefined, "there is nothing to do");
  await kit.make("a/1", TEXT, "hello");
  const claim = await subscription.claim("w1");
  ok(claim !== undefined);
  equal(await subscription.claim("w2"), undefined, "another has it");
  const [stream] = claim.streams;
  equal(stream?.path, "a/1");
  equal(stream?.ackedOffset, "-1");
  deepEqual(await subscription.ack(claim), { nextWake: true });
  const acks = [{ path: "a/1", offset: stream?.tailOffset ?? "" }];
  deepEqual(await subscription.ack(claim, { acks, done: true }), { nextWake: false });
  await fails(subscription.ack(claim), "fenced");
  await fails(subscription.release(claim), "fenced");
  await fails(
    subscription.ack(claim, { acks: [{ path: "a/1", offset: "-1/1" }] }),
    "invalid_argument",
  );
});

Deno.test("the token goes out in Authorization, before what the client adds (§12.9)", async () => {
  const tokens: (string | null)[] = [];
  const kit = new AppKit(
    {},
    { headers: { authorization: "Bearer service" } },
    (send) => (url, init) => {
      tokens.push(new Headers(init.headers).get("authorization"));
      return send(url, init);
    },
  );
  await kit.make("wakes", JSON_TYPE);
  const subscription = kit.client.subscription("s");
  await subscription.create({ pattern: "a/*", wakeStream: "wakes" });
  await kit.make("a/1", TEXT, "hello");
  const claim = await subscription.claim("w1");
  ok(claim !== undefined);
  await subscription.release(claim);
  deepEqual(tokens, ["Bearer service", "Bearer service", `Bearer ${claim.token}`]);
});

Deno.test("subscriptions are listed page by page", async () => {
  const kit = await pullKit();
  await kit.client.subscription("t").create({ streams: ["b"], wakeStream: "wakes" });
  const ids: string[] = [];
  for await (const { id, wakeStream } of kit.client.subscriptions()) {
    ids.push(id);
    equal(wakeStream, "wakes");
  }
  deepEqual(ids, ["s", "t"]);
  const page = (id: string, next?: string) =>
    Response.json({
      subscriptions: [{ id, type: "webhook", lease_ttl_ms: 1, created_at: 0, status: "" }],
      next,
    });
  const script = new ScriptKit([page("a", "a"), page("b")]);
  await fails(Array.fromAsync(script.client.subscriptions()), "invalid_response", /created_at/);
  const paged = new ScriptKit([
    Response.json({ subscriptions: [], next: "x" }),
    Response.json({ subscriptions: [] }),
  ]);
  deepEqual(await Array.fromAsync(paged.client.subscriptions()), []);
  deepEqual(paged.requests, ["GET __ds/subscriptions", "GET __ds/subscriptions?after=x"]);
});

Deno.test("arguments that can't be sent are refused before anything is sent", async () => {
  const kit = new ScriptKit([]);
  for (const id of ["", ".", "..", "a/b", "\ud800"]) {
    await fails((async () => await kit.client.subscription(id).get())(), "invalid_argument", /id/);
  }
  const subscription = kit.client.subscription("s");
  await fails(subscription.create({ pattern: "**" }), "invalid_argument", /neither/);
  const both = { webhookUrl: "https://a.example", wakeStream: "w" };
  await fails(subscription.create({ pattern: "**", ...both }), "invalid_argument", /both/);
  await fails(
    subscription.create({ pattern: "**", wakeStream: "w", leaseMs: 999 }),
    "invalid_argument",
    /leaseMs is 999/,
  );
});

Deno.test("an answer that isn't one of a server of the protocol is told", async () => {
  for (const body of ["<html>", "[]", "{}", '{"id":7}']) {
    const kit = new ScriptKit([new Response(body)]);
    await fails(kit.client.subscription("s").get(), "invalid_response");
  }
});

Deno.test("a webhook is verified by the app's keys and acked by its callback (§7.1)", async () => {
  const received = Promise.withResolvers<ReceivedWebhook>();
  const kit = new AppKit({
    subscriptions: {
      transport: {
        send({ headers, body }) {
          received.resolve({ headers, body });
          return Promise.resolve({ status: 202, body: new Uint8Array() });
        },
      },
    },
  });
  const subscription = kit.client.subscription("s");
  const { jwksUrl = "" } = await subscription.create({
    pattern: "a/*",
    webhookUrl: "https://worker.example/hook",
  });
  const tail = await kit.make("a/1", TEXT, "x");
  const wake = await verifyWebhook(await kit.until(received.promise, 0), jwksUrl, {
    clock: kit.clock,
    fetch: (url, init) => kit.app.request(url, init),
  });
  deepEqual(wake.streams.map(({ path, tailOffset }) => [path, tailOffset]), [["a/1", tail]]);
  deepEqual(await subscription.ack(wake), { nextWake: true });
  const acks = [{ path: "a/1", offset: tail }];
  deepEqual(await subscription.ack(wake, { acks, done: true }), { nextWake: false });
  ok(kit.requests.at(-1)?.endsWith("s/callback"));
});
