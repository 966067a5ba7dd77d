import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { type FailureCode, StreamError } from "../../src/protocol/errors.ts";
import {
  createToken,
  type ExpectedToken,
  type TokenClaims,
  verifyToken,
} from "../../src/subscriptions/tokens.ts";

const SECRET = new Uint8Array(32).fill(7);
const NOW_MS = Date.UTC(2026, 0, 1);
const SUBSCRIPTION = { id: 42, name: "orders/worker" };
const CLAIMS: TokenClaims = {
  subscription: SUBSCRIPTION,
  generation: 7,
  wakeId: "w_abc123",
  use: "callback",
  expiresAtMs: NOW_MS + 60_000,
};
const EXPECTED: ExpectedToken = { subscription: SUBSCRIPTION, use: "callback", nowMs: NOW_MS };
const TOKEN = createToken(SECRET, CLAIMS);

function fails(
  token: string,
  code: FailureCode,
  message: RegExp,
  expected: Partial<ExpectedToken> = {},
  secret = SECRET,
): void {
  try {
    verifyToken(secret, token, { ...EXPECTED, ...expected });
  } catch (error) {
    ok(error instanceof StreamError, `${error}`);
    equal(error.code, code);
    ok(message.test(error.message), `${error.message} doesn't match ${message}`);
    return;
  }
  throw new Error(`${token} was accepted`);
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** A JWT that is signed rightly, of any header and claims. */
function signed(header: unknown, claims: unknown, hash = "sha256"): string {
  const text = `${base64url(header)}.${base64url(claims)}`;
  return `${text}.${createHmac(hash, SECRET).update(text).digest("base64url")}`;
}

Deno.test("a token is a JWT by HS256 that says for what it is (§12.9)", () => {
  const [header = "", payload = "", signature = ""] = TOKEN.split(".");
  const parse = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
  deepEqual(parse(header), { alg: "HS256", typ: "JWT" });
  deepEqual(parse(payload), {
    sub: "orders/worker",
    sid: 42,
    gen: 7,
    wake: "w_abc123",
    use: "callback",
    exp: 1_767_225_660,
  });
  const expected = createHmac("sha256", SECRET).update(`${header}.${payload}`).digest("base64url");
  equal(signature, expected);
  deepEqual(verifyToken(SECRET, TOKEN, EXPECTED), CLAIMS);
});

Deno.test("every token is read back as it was made", () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.nat(Number.MAX_SAFE_INTEGER),
    fc.string({ unit: "grapheme" }),
    fc.nat(Number.MAX_SAFE_INTEGER),
    fc.string(),
    fc.constantFrom("callback" as const, "claim" as const),
    fc.integer({ min: 1, max: 4_000_000_000 }),
    (bytes, id, name, generation, wakeId, use, seconds) => {
      const subscription = { id, name };
      const secret = new Uint8Array(bytes);
      const claims = { subscription, generation, wakeId, use, expiresAtMs: seconds * 1000 };
      const expected = { subscription, use, nowMs: seconds * 1000 - 1 };
      deepEqual(verifyToken(secret, createToken(secret, claims), expected), claims);
    },
  ));
});

Deno.test("a token that was changed in any character, or cut off, is invalid (§12.9)", () => {
  for (let at = 0; at < TOKEN.length; at++) {
    fails(TOKEN.slice(0, at), "token_invalid", /make it|signature/);
    for (const other of ["A", "B", "Q", "=", ".", " "]) {
      const changed = TOKEN.slice(0, at) + other + TOKEN.slice(at + 1);
      if (changed !== TOKEN) fails(changed, "token_invalid", /make it|signature/);
    }
  }
  for (const more of ["A", "=", ".", "\n", "é"]) fails(TOKEN + more, "token_invalid", /./);
});

Deno.test("what is no token is invalid", () => {
  for (
    const token of ["", ".", "..", "...", "a.b.c", "null", "Bearer", `Bearer ${TOKEN}`, "\u0000"]
  ) {
    fails(token, "token_invalid", /this server didn't make it/);
  }
  fails(`${TOKEN}${"A".repeat(100_000)}`, "token_invalid", /more than 8192 characters/);
});

Deno.test("only HS256 is accepted, and never `none`", () => {
  const [, payload = ""] = TOKEN.split(".");
  const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
  equal(signed({ alg: "HS256", typ: "JWT" }, claims), TOKEN);
  for (
    const alg of ["none", "None", "NONE", "", "HS384", "HS512", "RS256", "EdDSA", "hs256", null]
  ) {
    fails(signed({ alg, typ: "JWT" }, claims), "token_invalid", /this server didn't make it/);
    fails(`${base64url({ alg, typ: "JWT" })}.${payload}.`, "token_invalid", /didn't make it/);
  }
  fails(signed({ alg: "HS256", typ: "JWT" }, claims, "sha512"), "token_invalid", /signature/);
  fails(signed({ alg: "HS256", typ: "JWT", kid: "x" }, claims), "token_invalid", /didn't make it/);
});

Deno.test("a token of another secret is invalid", () => {
  const secret = SECRET.slice();
  secret[31] = 8;
  notEqual(createToken(secret, CLAIMS), TOKEN);
  fails(TOKEN, "token_invalid", /signature/, {}, secret);
});

Deno.test("a token is for one subscription and use only (§7.1, §7.3)", () => {
  const other = /another subscription/;
  fails(TOKEN, "token_invalid", other, { subscription: { id: 43, name: "orders/worker" } });
  fails(TOKEN, "token_invalid", other, { subscription: { id: 42, name: "orders/workers" } });
  fails(TOKEN, "token_invalid", /it is a callback token, and a claim token/, { use: "claim" });
  const claim = createToken(SECRET, { ...CLAIMS, use: "claim" });
  fails(claim, "token_invalid", /it is a claim token, and a callback token/);
  equal(verifyToken(SECRET, claim, { ...EXPECTED, use: "claim" }).use, "claim");
});

Deno.test("a token's time is over at its end, and an invalid one is never called expired", () => {
  const nowMs = CLAIMS.expiresAtMs;
  equal(verifyToken(SECRET, TOKEN, { ...EXPECTED, nowMs: nowMs - 1 }).generation, 7);
  fails(TOKEN, "token_expired", /expired at 2026-01-01T00:01:00\.000Z/, { nowMs });
  fails(TOKEN, "token_invalid", /another/, { nowMs, subscription: { id: 1, name: "x" } });
  fails(TOKEN.slice(0, -1), "token_invalid", /signature/, { nowMs });
  const rounded = createToken(SECRET, { ...CLAIMS, expiresAtMs: NOW_MS + 1 });
  equal(verifyToken(SECRET, rounded, EXPECTED).expiresAtMs, NOW_MS + 1000);
});

Deno.test("a rightly signed token with other claims is invalid", () => {
  const [, payload = ""] = TOKEN.split(".");
  const claims: Record<string, unknown> = JSON.parse(Buffer.from(payload, "base64url").toString());
  const header = { alg: "HS256", typ: "JWT" };
  for (const name of Object.keys(claims)) {
    const { [name]: _, ...rest } = claims;
    fails(signed(header, rest), "token_invalid", /other claims/);
    fails(signed(header, { ...claims, [name]: [] }), "token_invalid", /other claims/);
    fails(signed(header, { ...claims, [name]: null }), "token_invalid", /other claims/);
  }
  for (const value of [null, 1, "text", [], {}]) {
    fails(signed(header, value), "token_invalid", /other claims/);
  }
});
