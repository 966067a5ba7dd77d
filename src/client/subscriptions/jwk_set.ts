import type { Bytes } from "../../protocol/bytes.ts";

/** A public key of a {@link JwkSet}; keys that aren't Ed25519 are ignored. */
export interface Jwk {
  readonly kty?: unknown;
  readonly crv?: unknown;
  readonly kid?: unknown;
  readonly use?: unknown;
  readonly alg?: unknown;
  readonly x?: unknown;
}

/** The public keys that a server signs webhooks with (PROTOCOL §6.5). */
export interface JwkSet {
  readonly keys: readonly Jwk[];
}

const ALGORITHM = "Ed25519";
/** 32 bytes. */
const KEY = /^[\w-]{43}$/;

/** Imported once each. */
const imported = new WeakMap<Jwk, Promise<CryptoKey>>();

/** The Ed25519 key of this id. */
export function findKey({ keys }: JwkSet, kid: string): Jwk | undefined {
  return keys.find((key) => isObject(key) && key.kid === kid && isEd25519(key));
}

/** Whether the key has signed the content. */
export async function verifySignature(
  key: Jwk,
  signature: string,
  content: Bytes,
): Promise<boolean> {
  let ready = imported.get(key);
  if (ready === undefined) {
    ready = crypto.subtle.importKey("raw", bytesOf(String(key.x)), ALGORITHM, false, ["verify"]);
    imported.set(key, ready);
  }
  return await crypto.subtle.verify(ALGORITHM, await ready, bytesOf(signature), content);
}

/** Whether a value is a set of keys, of whatever kinds. */
export function isJwkSet(value: unknown): value is JwkSet {
  return isObject(value) && "keys" in value && Array.isArray(value.keys);
}

function isEd25519({ kty, crv, use = "sig", alg = "EdDSA", x }: Jwk): boolean {
  return kty === "OKP" && crv === ALGORITHM && use === "sig" &&
    (alg === "EdDSA" || alg === ALGORITHM) && typeof x === "string" && KEY.test(x);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function bytesOf(base64url: string): Bytes {
  const decoded = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(decoded.length);
  for (let at = 0; at < decoded.length; at++) bytes[at] = decoded.charCodeAt(at);
  return bytes;
}
