import { Buffer } from "node:buffer";
import { createPublicKey } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import { importJWK, type JWK } from "jose";
import { decodeUtf8 } from "../../protocol/bytes.ts";
import { quote } from "../../protocol/errors.ts";
import { AccessError } from "../access_error.ts";

const log = getLogger(["durable-streams", "access"]);

/** A key that JWTs are verified with, and the algorithms that it is for: a token doesn't choose. */
export interface VerifyKey {
  /** The id that tokens name it by. */
  readonly kid: string | undefined;
  readonly algorithms: readonly string[];
  /** The same object each time: jose keeps what it imports by it. */
  readonly jwk: JWK;
}

/** Where keys come from: a file that somebody wrote for this server, or a URL with others' keys, too. */
export type KeyOrigin = "file" | "url";

/** So many keys of a set are looked at: a file may have no more. */
export const KEYS_LIMIT = 64;

const RSA_LEAST_BITS = 2048;
const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
/** Curves, their algorithms, and how long a coordinate is, which not every runtime checks. */
const CURVES: Readonly<Record<string, { algorithms: readonly string[]; bytes: number }>> = {
  "P-256": { algorithms: ["ES256"], bytes: 32 },
  "P-384": { algorithms: ["ES384"], bytes: 48 },
  "P-521": { algorithms: ["ES512"], bytes: 66 },
  Ed25519: { algorithms: ["EdDSA", "Ed25519"], bytes: 32 },
};
/** The least bytes of a secret, as RFC 7518 has them. */
const HMAC: readonly (readonly [algorithm: string, bytes: number])[] = [
  ["HS256", 32],
  ["HS384", 48],
  ["HS512", 64],
];

/**
 * The keys of a file or an answer: a JWK, a JWK set, or public keys in PEM.
 *
 * @param where it is from, for messages
 * @throws {AccessError} where it has none, or one of a file's can't be used
 */
export async function parseKeys(
  bytes: Uint8Array,
  where: string,
  origin: KeyOrigin,
): Promise<VerifyKey[]> {
  const text = decodeUtf8(bytes).trim();
  const jwks = text.startsWith("-----BEGIN") ? jwksOfPem(text, where) : jwksOfJson(text, where);
  if (jwks.length > KEYS_LIMIT) {
    const problem = `${where} has ${jwks.length} keys: expected at most ${KEYS_LIMIT}`;
    if (origin === "file") throw new AccessError(`${problem}.`);
    log.warn(`${problem}, those behind are not looked at`);
  }
  const keys: VerifyKey[] = [];
  for (const [index, jwk] of jwks.slice(0, KEYS_LIMIT).entries()) {
    try {
      keys.push(await usableKey(jwk, origin));
    } catch (error) {
      // Of a set at a URL, keys for other uses and of later kinds are passed over (RFC 7517 §5).
      if (origin === "url") continue;
      const why = error instanceof AccessError ? error.message : "it is no key of that kind";
      throw new AccessError(`The key ${index + 1} of ${where} can't be used: ${why}.`);
    }
  }
  if (keys.length > 0) return keys;
  throw new AccessError(
    `${where} has no key that verifies JWTs: expected a JWK, a JWK set or PEM.`,
  );
}

async function usableKey(given: Readonly<Record<string, unknown>>, origin: KeyOrigin) {
  const { kid, kty, crv, alg, use, key_ops, n, e, x, y, k } = given;
  if (use !== undefined && use !== "sig") throw new AccessError(`its use is ${show(use)}, not sig`);
  if (Array.isArray(key_ops) && !key_ops.includes("verify")) {
    throw new AccessError("its key_ops don't have verify");
  }
  if (kty !== "oct" && given["d"] !== undefined) {
    throw new AccessError("it is a private key, and this server needs the public one only");
  }
  if (kty === "oct" && origin === "url") throw new AccessError("a secret is no key to publish");
  const possible = algorithmsOf(given);
  if (alg !== undefined && !possible.some((each) => each === alg)) {
    throw new AccessError(`its alg is ${show(alg)}: expected ${possible.join(", ")}`);
  }
  const algorithms = alg === undefined ? possible : [String(alg)];
  const parts = Object.entries({ kty, crv, n, e, x, y, k })
    .filter((part): part is [string, string] => typeof part[1] === "string");
  const jwk: JWK = Object.freeze(Object.fromEntries(parts));
  // Whether its numbers are good, now and not at the first token.
  for (const algorithm of algorithms) await importJWK(jwk, algorithm);
  return { kid: typeof kid === "string" ? kid : undefined, algorithms, jwk };
}

function algorithmsOf(
  { kty, crv, n, k, x, y }: Readonly<Record<string, unknown>>,
): readonly string[] {
  switch (kty) {
    case "RSA": {
      const bits = typeof n === "string" ? bitsOf(Buffer.from(n, "base64url")) : 0;
      if (bits >= RSA_LEAST_BITS) return RSA;
      throw new AccessError(`it has ${bits} bits: expected at least ${RSA_LEAST_BITS}`);
    }
    case "EC":
    case "OKP":
      return algorithmsOfCurve(crv, kty === "EC" ? [x, y] : [x]);
    case "oct": {
      const bytes = typeof k === "string" ? Buffer.from(k, "base64url").length : 0;
      const algorithms = HMAC.filter(([, least]) => bytes >= least).map(([name]) => name);
      if (algorithms.length > 0) return algorithms;
      throw new AccessError(`it has ${bytes} bytes: expected at least 32, of random ones`);
    }
    default:
      throw new AccessError(`its kty is ${show(kty)}: expected RSA, EC, OKP, oct`);
  }
}

function algorithmsOfCurve(crv: unknown, coordinates: readonly unknown[]): readonly string[] {
  const curve = typeof crv === "string" && Object.hasOwn(CURVES, crv) ? CURVES[crv] : undefined;
  if (curve === undefined) {
    throw new AccessError(`its crv is ${show(crv)}: expected ${Object.keys(CURVES).join(", ")}`);
  }
  const isRight = (each: unknown) =>
    typeof each === "string" && Buffer.from(each, "base64url").length === curve.bytes;
  if (coordinates.every(isRight)) return curve.algorithms;
  throw new AccessError(`its coordinates aren't of ${curve.bytes} bytes`);
}

function bitsOf(bytes: Buffer): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  if (first === -1) return 0;
  return (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}

function jwksOfPem(text: string, where: string): Record<string, unknown>[] {
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g) ?? [];
  return blocks.map((block, index) => {
    if (block.includes("PRIVATE KEY")) {
      throw new AccessError(
        `The key ${index + 1} of ${where} is a private one: this server needs the public one only.`,
      );
    }
    try {
      return { ...createPublicKey(block).export({ format: "jwk" }) };
    } catch {
      throw new AccessError(`The key ${index + 1} of ${where} is no public key in PEM.`);
    }
  });
}

function jwksOfJson(text: string, where: string): Record<string, unknown>[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's message would quote what may be a secret.
  }
  if (!isObject(value)) {
    throw new AccessError(`${where} can't be read: expected a JWK, a JWK set or PEM.`);
  }
  const keys = value["keys"];
  if (keys === undefined) return [value];
  if (Array.isArray(keys)) return keys.filter(isObject);
  throw new AccessError(`keys of ${where} is no list: expected a JWK set.`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? "missing" : quote(String(value), 20);
}
