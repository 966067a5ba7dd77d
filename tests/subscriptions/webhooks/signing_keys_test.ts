import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import { MemorySecrets } from "../../../src/storage/memory/secrets.ts";
import { decodeKeys } from "../../../src/subscriptions/webhooks/keys_codec.ts";
import { SigningKeys } from "../../../src/subscriptions/webhooks/signing_keys.ts";
import { rejectsWith } from "../../support/expect.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const MAX_AGE_MS = 300_000;
const REPLAY_WINDOW_MS = 300_000;

function kids(keys: SigningKeys): readonly string[] {
  return keys.jwks().keys.map(({ kid }) => kid);
}

Deno.test("the first key is made and saved when the keys are opened, and signs at once", async () => {
  const [store, clock] = [new MemorySecrets(), new ManualClock()];
  equal(store.load(), undefined);
  const keys = await SigningKeys.open(store, clock);
  ok(store.load());
  deepEqual(kids(keys), [keys.active().kid]);
  equal(keys.tokenSecret.length, 32);
  const others = await SigningKeys.open(new MemorySecrets(), clock);
  notEqual(others.active().kid, keys.active().kid);
  notEqual(others.tokenSecret.join(), keys.tokenSecret.join());
});

Deno.test("the key set has the protocol's shape, and nothing private (§6.5)", async () => {
  const keys = await SigningKeys.open(new MemorySecrets(), new ManualClock());
  await keys.rotate();
  const set = keys.jwks();
  deepEqual(Object.keys(set), ["keys"]);
  equal(set.keys.length, 2);
  for (const key of set.keys) {
    deepEqual(Object.keys(key), ["kty", "crv", "kid", "use", "alg", "x"]);
    deepEqual({ ...key, kid: "", x: "" }, {
      kty: "OKP",
      crv: "Ed25519",
      kid: "",
      use: "sig",
      alg: "EdDSA",
      x: "",
    });
    match(key.kid, /^ds_[\w-]{43}$/);
    match(key.x, /^[\w-]{43}$/);
  }
});

Deno.test("keys and secret are the same after a restart (§6.5)", async () => {
  const [store, clock] = [new MemorySecrets(), new ManualClock()];
  const before = await SigningKeys.open(store, clock);
  await before.rotate();
  const after = await SigningKeys.open(store, clock);
  deepEqual(after.jwks(), before.jwks());
  deepEqual(after.tokenSecret, before.tokenSecret);
  equal(after.active().kid, before.active().kid);
  clock.advance(MAX_AGE_MS);
  equal(after.active().kid, before.active().kid);
});

Deno.test("a rotated key is published at once and signs after max-age; the old one stays for the replay window (§6.5)", async () => {
  const [store, clock] = [new MemorySecrets(), new ManualClock()];
  const keys = await SigningKeys.open(store, clock);
  const old = keys.active().kid;
  const { kid, signsFromMs } = await keys.rotate();
  equal(signsFromMs, clock.nowMs() + MAX_AGE_MS);
  for (const restarted of [keys, await SigningKeys.open(store, clock)]) {
    deepEqual(kids(restarted), [old, kid]);
    equal(restarted.active().kid, old);
  }
  clock.advance(MAX_AGE_MS - 1);
  equal(keys.active().kid, old);
  clock.advance(1);
  for (const restarted of [keys, await SigningKeys.open(store, clock)]) {
    equal(restarted.active().kid, kid);
    deepEqual(kids(restarted), [old, kid]);
  }
  clock.advance(MAX_AGE_MS + REPLAY_WINDOW_MS - 1);
  deepEqual(kids(keys), [old, kid]);
  clock.advance(1);
  for (const restarted of [keys, await SigningKeys.open(store, clock)]) {
    deepEqual(kids(restarted), [kid]);
    equal(restarted.active().kid, kid);
  }
});

Deno.test("a second rotation is refused until the first one's key signs", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const keys = await SigningKeys.open(new MemorySecrets(), clock);
  await keys.rotate();
  const before = kids(keys);
  const when = /begins to sign at 2026-01-01T00:05:00\.000Z/;
  await rejectsWith(keys.rotate(), "key_rotation_pending", when);
  clock.advance(MAX_AGE_MS - 1);
  await rejectsWith(keys.rotate(), "key_rotation_pending", when);
  deepEqual(kids(keys), before);
  clock.advance(1);
  const { kid } = await keys.rotate();
  deepEqual(kids(keys), [...before, kid], "the first one is still published");
});

Deno.test("a key whose time is over is dropped from what is kept", async () => {
  const [store, clock] = [new MemorySecrets(), new ManualClock()];
  const keys = await SigningKeys.open(store, clock);
  for (let i = 0; i < 10; i++) {
    await keys.rotate();
    clock.advance(2 * MAX_AGE_MS + REPLAY_WINDOW_MS);
  }
  equal(kids(keys).length, 1);
  ok(decodeKeys(store.load() ?? new Uint8Array()).keys.length <= 2);
});

Deno.test("where the clock was put back, a key still signs", async () => {
  const store = new MemorySecrets();
  const before = await SigningKeys.open(store, new ManualClock(Date.UTC(2026, 0, 1)));
  const after = await SigningKeys.open(store, new ManualClock(Date.UTC(2020, 0, 1)));
  equal(after.active().kid, before.active().kid);
  deepEqual(after.jwks(), before.jwks());
});

/** Saves when it is told to, or fails. */
class SlowSecrets extends MemorySecrets {
  saving: PromiseWithResolvers<void> | undefined;

  override async save(bytes: Bytes): Promise<void> {
    await this.saving?.promise;
    await super.save(bytes);
  }
}

Deno.test("while a rotation is being saved its key is published, and a second one is refused", async () => {
  const [store, clock] = [new SlowSecrets(), new ManualClock()];
  const keys = await SigningKeys.open(store, clock);
  store.saving = Promise.withResolvers();
  const rotating = keys.rotate();
  equal(kids(keys).length, 2);
  clock.advance(MAX_AGE_MS);
  await rejectsWith(keys.rotate(), "key_rotation_pending");
  store.saving.resolve();
  const { kid } = await rotating;
  equal(keys.active().kid, kid);
});

Deno.test("a rotation that can't be saved changes nothing", async () => {
  const [store, clock] = [new SlowSecrets(), new ManualClock()];
  const keys = await SigningKeys.open(store, clock);
  const before = kids(keys);
  store.saving = Promise.withResolvers();
  store.saving.reject(new Error("The disk is full."));
  await rejects(keys.rotate(), /The disk is full/);
  deepEqual(kids(keys), before);
  store.saving = undefined;
  await keys.rotate();
  equal(kids(keys).length, 2);
});

Deno.test("keys that can't be read stop the opening, and aren't replaced", async () => {
  const store = new MemorySecrets();
  await store.save(new Uint8Array([1, 2, 3]));
  await rejectsWith(SigningKeys.open(store, new ManualClock()), "damaged", /webhook_keys/);
  deepEqual(store.load(), new Uint8Array([1, 2, 3]));
});
