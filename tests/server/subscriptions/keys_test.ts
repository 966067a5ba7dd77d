import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { HOSTILE } from "../../subscriptions/webhooks/url_table.ts";
import { expectError } from "../../support/fixture.ts";
import { DONE, ScriptedTransport } from "../../support/scripted_transport.ts";
import { HOOK, SubscriptionFixture } from "../../support/subscription_fixture.ts";

/** PROTOCOL §6.5, §12.8 and §12.10: the published keys, and where webhooks may go. */

async function published(served: SubscriptionFixture): Promise<Record<string, string>[]> {
  const answer = await served.get("__ds/jwks.json");
  equal(answer.status, 200);
  return (await answer.json()).keys;
}

Deno.test("§6.5 Servers MUST expose their webhook signing public keys as a JWK Set", async () => {
  const served = new SubscriptionFixture();
  const answer = await served.get("__ds/jwks.json");
  equal(answer.status, 200);
  equal(answer.headers.get("content-type"), "application/jwk-set+json");
  equal(answer.headers.get("cache-control"), "public, max-age=300");
  const { keys } = await answer.json();
  equal(keys.length, 1);
  const [{ kid, x, ...rest }] = keys;
  deepEqual(rest, { kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA" });
  match(kid, /^ds_[\w-]+$/);
  match(x, /^[\w-]{43}$/);
});

Deno.test("§6.5 Servers SHOULD derive kid values from key material: its JWK thumbprint", async () => {
  const served = new SubscriptionFixture();
  const [{ kid, x } = { kid: "", x: "" }] = await published(served);
  const required = `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`;
  equal(kid, `ds_${createHash("sha256").update(required).digest("base64url")}`);
});

Deno.test("§6.5 Servers MUST keep private signing keys secret", async () => {
  const served = new SubscriptionFixture();
  await served.send("POST", "__ds/jwks.json/rotate");
  for (const key of await published(served)) {
    deepEqual(Object.keys(key).sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
  }
});

Deno.test("§6.5 Each kid MUST be stable for the lifetime of the key: also for the next server on the storage", async () => {
  const served = new SubscriptionFixture();
  const keys = await published(served);
  served.clock.advance(1e9);
  deepEqual(await published(served), keys);
  const next = new SubscriptionFixture({ storage: served.storage, clock: served.clock });
  deepEqual(await published(next), keys);
});

Deno.test("§6.5 During rotation, servers MUST publish old public keys until the replay window is over", async () => {
  const served = new SubscriptionFixture();
  await served.stream("events/a");
  await served.subscribe("s");
  served.endpoint.script = () => DONE;
  await served.write("events/a");
  const { kid: old } = await served.verified(served.endpoint.last());
  const answer = await served.send("POST", "__ds/jwks.json/rotate");
  equal(answer.status, 200);
  const rotated = await answer.json();
  deepEqual(Object.keys(rotated).sort(), ["kid", "signs_from"]);
  notEqual(rotated.kid, old);
  equal(rotated.signs_from, new Date(served.clock.nowMs() + 300_000).toISOString());
  // Published for max-age before it signs: agents don't fetch again for an unknown kid.
  deepEqual((await published(served)).map(({ kid }) => kid).sort(), [old, rotated.kid].sort());
  await served.pass(299_000, 1000);
  await served.write("events/a");
  equal((await served.verified(served.endpoint.last())).kid, old);
  await served.pass(1000);
  await served.write("events/a");
  equal((await served.verified(served.endpoint.last())).kid, rotated.kid);
  served.clock.advance(599_000);
  equal((await published(served)).length, 2);
  served.clock.advance(2000);
  deepEqual((await published(served)).map(({ kid }) => kid), [rotated.kid]);
});

Deno.test("§6.5 a kid MUST uniquely identify a key: a second rotation waits for the first", async () => {
  const served = new SubscriptionFixture();
  equal((await served.send("POST", "__ds/jwks.json/rotate")).status, 200);
  await expectError(
    await served.send("POST", "__ds/jwks.json/rotate"),
    409,
    "KEY_ROTATION_PENDING",
    /rotate again/,
  );
  const kids = (await published(served)).map(({ kid }) => kid);
  equal(new Set(kids).size, kids.length);
});

Deno.test("§6.2 §12.8 hostile URLs are 400 WEBHOOK_URL_REJECTED, name the field, and make nothing", async () => {
  const served = new SubscriptionFixture();
  ok(HOSTILE.length >= 60);
  for (const [url, says] of HOSTILE) {
    const spec = { type: "webhook", pattern: "a", webhook: { url } };
    const answer = await served.control("PUT", "s", spec);
    const { error } = await answer.clone().json();
    equal(error.field, "webhook.url", url);
    await expectError(answer, 400, "WEBHOOK_URL_REJECTED", says);
  }
  await expectError(await served.control("GET", "s"), 404, "SUBSCRIPTION_NOT_FOUND");
});

Deno.test("§6.2 Production webhook URLs MUST use https; http only for localhost in development", async () => {
  const development = new SubscriptionFixture();
  const production = new SubscriptionFixture({
    subscriptions: { transport: new ScriptedTransport(), allowLoopback: false },
  });
  const local = [
    "http://localhost/x",
    "http://localhost:8080/x",
    "http://127.0.0.1:1/x",
    "http://127.0.0.9/x",
    "https://localhost/x",
  ];
  for (const [i, url] of local.entries()) {
    await development.subscribe(`l${i}`, { pattern: "a", webhook: { url } });
    const spec = { type: "webhook", pattern: "a", webhook: { url } };
    await expectError(await production.control("PUT", "s", spec), 400, "WEBHOOK_URL_REJECTED");
  }
  for (const served of [development, production]) {
    const url = "https://worker.example:8443/hooks?x=1";
    equal((await served.subscribe("s", { pattern: "a", webhook: { url } })).webhook.url, url);
  }
});

Deno.test("§12.8 without allowLoopback given, loopback is rejected", async () => {
  const served = new SubscriptionFixture({ subscriptions: true });
  const spec = { type: "webhook", pattern: "a", webhook: { url: HOOK } };
  await expectError(await served.control("PUT", "s", spec), 400, "WEBHOOK_URL_REJECTED");
});
