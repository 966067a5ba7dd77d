import { deepEqual, equal, rejects } from "node:assert/strict";
import { exportJWK, exportPKCS8, generateKeyPair } from "jose";
import { type KeyOrigin, KEYS_LIMIT, parseKeys } from "../../../src/access/jwt/verify_key.ts";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { makeKey } from "../access_kit.ts";

const ec = await makeKey("ES256", "e");
const { privateKey } = await generateKeyPair("ES256", { extractable: true });

const parse = (value: unknown, origin: KeyOrigin = "file") =>
  parseKeys(
    encodeUtf8(typeof value === "string" ? value : JSON.stringify(value)),
    "the file x",
    origin,
  );

Deno.test("a key says which algorithms it is for, or its kind does", async () => {
  const { alg: _, ...anyAlg } = ec.jwk;
  deepEqual((await parse(anyAlg)).map(({ kid, algorithms }) => [kid, algorithms]), [
    ["e", ["ES256"]],
  ]);
  const secret = { kty: "oct", k: "x".repeat(64) };
  deepEqual((await parse(secret))[0]?.algorithms, ["HS256", "HS384"]);
  deepEqual((await parse({ ...secret, alg: "HS384" }))[0]?.algorithms, ["HS384"]);
});

Deno.test("a key of a file that can't be used is refused, and never shown", async () => {
  const rsa = (bytes: number) => ({ kty: "RSA", e: "AQAB", n: `gA${"A".repeat(bytes)}` });
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    ["secret words", /x can't be read: expected a JWK, a JWK set or PEM/],
    [[], /x can't be read/],
    [{ keys: 7 }, /no list/],
    [{ keys: [] }, /has no key/],
    [{ keys: [ec.jwk, { ...ec.jwk, use: "enc" }] }, /key 2 of the file x.*use is "enc"/],
    [{ ...ec.jwk, key_ops: ["sign"] }, /key_ops/],
    [{ ...ec.jwk, alg: "RS256" }, /alg is "RS256": expected ES256/],
    [{ ...ec.jwk, alg: "none" }, /alg is "none"/],
    [{ ...ec.jwk, x: "AAAA" }, /coordinates aren't of 32 bytes/],
    [{ ...ec.jwk, crv: "P-000" }, /crv is "P-000": expected P-256/],
    [await exportJWK(privateKey), /private key/],
    [await exportPKCS8(privateKey), /key 1 of the file x is a private one/],
    ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", /no public key in PEM/],
    [{ kty: "oct", k: "short" }, /3 bytes: expected at least 32/],
    [{ kty: "oct" }, /0 bytes/],
    [{ kty: "new" }, /kty is "new"/],
    [rsa(100), /bits: expected at least 2048/],
  ];
  for (const [value, message] of wrong) await rejects(parse(value), message, String(message));
});

Deno.test("of a set at a URL the keys of other kinds are passed over, and secrets too", async () => {
  const keys = [{ kty: "new" }, { kty: "oct", k: "x".repeat(64) }, ec.jwk];
  deepEqual((await parse({ keys }, "url")).map(({ kid }) => kid), ["e"]);
  await rejects(parse({ keys: keys.slice(0, 2) }, "url"), /has no key/);
});

Deno.test("a file of more keys than are looked at is refused, and of a set at a URL the first ones are taken", async () => {
  const { jwk } = await makeKey("ES256");
  const bytes = encodeUtf8(
    JSON.stringify({ keys: Array.from({ length: KEYS_LIMIT + 1 }, () => jwk) }),
  );
  await rejects(parseKeys(bytes, "the file", "file"), /the file has 65 keys: expected at most 64/);
  equal((await parseKeys(bytes, "the set", "url")).length, KEYS_LIMIT);
});
