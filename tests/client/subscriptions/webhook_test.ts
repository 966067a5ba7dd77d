import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import type { ClientErrorCode } from "../../../src/client/errors/client_error.ts";
import type { Jwk, JwkSet } from "../../../src/client/subscriptions/jwk_set.ts";
import { verifyWebhook } from "../../../src/client/subscriptions/webhook.ts";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { keyPairOf } from "../../../src/subscriptions/webhooks/ed25519.ts";
import { signWebhook } from "../../../src/subscriptions/webhooks/signature.ts";
import { untilSettled } from "../../support/client/reader_kit.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const URL_OF_KEYS = "http://localhost/v1/stream/__ds/jwks.json";
const pair = keyPairOf(new Uint8Array(32).fill(1));
const other = keyPairOf(new Uint8Array(32).fill(2));
const jwks: JwkSet = { keys: [other.jwk, pair.jwk] };

const BODY = `{
  "subscription_id": "sub-1", "wake_id": "w_1", "generation": 7,
  "streams": [{ "path": "events/é", "link_type": "glob", "acked_offset": "-1",
    "tail_offset": "1_2", "has_pending": true }],
  "callback_url": "http://localhost/v1/stream/__ds/subscriptions/sub-1/callback",
  "callback_token": "secret"
}`;

const clock = new ManualClock();

function sign(body: string, { jwk, privateKey } = pair, nowMs = clock.nowMs()): string {
  return signWebhook({ kid: jwk.kid, privateKey }, encodeUtf8(body), nowMs);
}

function request(body = BODY, signature = sign(body)): Request {
  const headers = { "webhook-signature": signature };
  return new Request("http://localhost/hook", { method: "POST", headers, body });
}

async function fails(
  work: Promise<unknown>,
  why: RegExp,
  code: ClientErrorCode = "invalid_webhook",
): Promise<void> {
  await rejects(work, (error) => {
    ok(error instanceof ClientError, String(error));
    equal(error.code, code, error.message);
    match(error.message, why);
    return true;
  });
}

Deno.test("a webhook that the server signed gives its wake (§7.1)", async () => {
  deepEqual(await verifyWebhook(request(), jwks, { clock }), {
    subscriptionId: "sub-1",
    wakeId: "w_1",
    generation: 7,
    streams: [{
      path: "events/é",
      linkType: "glob",
      ackedOffset: "-1",
      tailOffset: "1_2",
      hasPending: true,
    }],
    callbackUrl: "http://localhost/v1/stream/__ds/subscriptions/sub-1/callback",
    callbackToken: "secret",
    raw: encodeUtf8(BODY),
  });
});

Deno.test("headers and body that a framework has read do as well, in any case of the name", async () => {
  for (const body of [BODY, encodeUtf8(BODY)]) {
    for (const value of [sign(BODY), [sign(BODY)]]) {
      const wake = await verifyWebhook({ headers: { "Webhook-Signature": value }, body }, jwks, {
        clock,
      });
      equal(wake.wakeId, "w_1");
    }
  }
  const headers = new Headers({ "webhook-signature": sign(BODY) });
  equal((await verifyWebhook({ headers, body: BODY }, jwks, { clock })).generation, 7);
});

Deno.test("the bytes are what is signed: the same JSON made again is none (§7.1)", async () => {
  const again = JSON.stringify(JSON.parse(BODY));
  await fails(verifyWebhook(request(again, sign(BODY)), jwks, { clock }), /isn't its body's/);
});

Deno.test("what isn't signed, or by an unknown or another key, is refused (§12.10)", async () => {
  const verify = (signature: string, set = jwks) =>
    verifyWebhook(request(BODY, signature), set, { clock });
  await fails(verifyWebhook({ headers: {}, body: BODY }, jwks, { clock }), /no Webhook-Signature/);
  await fails(verify("t=1,ed25519=x"), /isn't t=…/);
  await fails(verify(sign(BODY), { keys: [other.jwk] }), /key ds_\S+, which isn't in the set/);
  const forged = sign(BODY, { ...other, jwk: pair.jwk });
  await fails(verify(forged), /isn't its body's/);
});

Deno.test("a signature is accepted for five minutes before and after, by the clock (§7.1)", async () => {
  const at = (seconds: number) =>
    verifyWebhook(request(BODY, sign(BODY, pair, clock.nowMs() + seconds * 1_000)), jwks, {
      clock,
    });
  await at(-300);
  await at(300);
  await fails(at(-301), /too far from now/);
  await fails(at(301), /too far from now/);
  const narrow = request(BODY, sign(BODY, pair, clock.nowMs() - 11_000));
  await fails(verifyWebhook(narrow, jwks, { clock, replayWindowMs: 10_000 }), /too far from now/);
});

Deno.test("keys that aren't Ed25519 are ignored, the others of their set used", async () => {
  const { kid, x } = pair.jwk;
  const strange: Jwk[] = [
    { ...pair.jwk, kty: "EC" },
    { kty: "RSA", kid, x },
    { kty: "OKP", crv: "X25519", kid, x },
    { ...pair.jwk, use: "enc" },
    { ...pair.jwk, alg: "RS256" },
    { ...pair.jwk, x: "short" },
    { ...pair.jwk, x: undefined },
  ];
  await verifyWebhook(request(), { keys: [...strange, pair.jwk] }, { clock });
  await fails(verifyWebhook(request(), { keys: strange }, { clock }), /isn't in the set/);
});

Deno.test("a signed body that is no wake, or another subscription's, is refused (§12.10)", async () => {
  for (const body of ["{}", "[]", "text", BODY.replace('"w_1"', "7"), BODY.replace("7,", "0.5,")]) {
    await fails(verifyWebhook(request(body), jwks, { clock }), /nothing about a wake/);
  }
  const ours = (subscriptionId: string | string[]) =>
    verifyWebhook(request(), jwks, { clock, subscriptionId });
  await ours("sub-1");
  await ours(["sub-0", "sub-1"]);
  await fails(ours("sub-2"), /another subscription, "sub-1"/);
});

Deno.test("arguments that can't be used are told from webhooks that are forged", async () => {
  const read = request();
  await read.text();
  await fails(verifyWebhook(read, jwks, { clock }), /was read before/, "invalid_argument");
  await fails(verifyWebhook(request(), "/jwks", { clock }), /whole URL/, "invalid_argument");
});

Deno.test("a runtime without Ed25519 says so", async () => {
  const message = "Unrecognized algorithm name";
  const importKey = () => Promise.reject(new DOMException(message, "NotSupportedError"));
  Object.defineProperty(crypto.subtle, "importKey", { value: importKey, configurable: true });
  try {
    const fresh = { keys: [{ ...pair.jwk }] };
    await fails(
      verifyWebhook(request(), fresh, { clock }),
      /can't be verified here/,
      "unsupported",
    );
  } finally {
    Reflect.deleteProperty(crypto.subtle, "importKey");
  }
  await verifyWebhook(request(), { keys: [{ ...pair.jwk }] }, { clock });
});

/** A server of keys that counts how often it is asked. */
class KeyServer {
  count = 0;
  keys: unknown = [pair.jwk];
  control = "public, max-age=300";
  status = 200;

  readonly fetch = async () => {
    this.count++;
    await Promise.resolve();
    const headers = { "cache-control": this.control };
    const { status } = this;
    const body = status === 200 ? JSON.stringify({ keys: this.keys }) : null;
    return new Response(body, { headers, status });
  };

  verify(key = pair, url: string | URL = URL_OF_KEYS) {
    return verifyWebhook(request(BODY, sign(BODY, key)), url, { clock, fetch: this.fetch });
  }
}

Deno.test("keys are fetched from their URL once in their max-age, also by many at once", async () => {
  const server = new KeyServer();
  await Promise.all([server.verify(), server.verify(), server.verify(pair, new URL(URL_OF_KEYS))]);
  clock.advance(299_000);
  await server.verify();
  equal(server.count, 1);
  clock.advance(1_000);
  await server.verify();
  equal(server.count, 2);
  await server.verify(pair, `${URL_OF_KEYS}?other`);
  equal(server.count, 3, "each URL has its own");
});

Deno.test("an unknown key is asked for once more, but not by everybody who makes one up", async () => {
  const server = new KeyServer();
  await server.verify();
  server.keys = [pair.jwk, other.jwk];
  await fails(server.verify(other), /isn't in the set/);
  equal(server.count, 1, "it was fetched just now");
  clock.advance(5_000);
  await server.verify(other);
  equal(server.count, 2);
  const third = keyPairOf(new Uint8Array(32).fill(3));
  await fails(server.verify(third), /isn't in the set/);
  await fails(server.verify(third), /isn't in the set/);
  equal(server.count, 2);
});

Deno.test("a key that the set has no more verifies nothing once the set is fetched anew", async () => {
  const server = new KeyServer();
  server.control = "no-cache";
  await server.verify();
  server.keys = [other.jwk];
  clock.advance(5_000);
  await fails(server.verify(), /isn't in the set/);
});

Deno.test("where the keys can't be fetched the error says that, and the next webhook tries again", async () => {
  const server = new KeyServer();
  server.status = 503;
  await fails(untilSettled(clock, server.verify()), /503/, "unavailable");
  server.status = 404;
  await fails(server.verify(), /404/, "not_found");
  server.status = 200;
  server.keys = "none";
  await fails(server.verify(), /no JWK Set/, "invalid_response");
  server.keys = [pair.jwk];
  await server.verify();
});
