import { Buffer } from "node:buffer";
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

/** The length of a private key, of which all else follows (RFC 8032). */
export const SEED_BYTES = 32;

/** What precedes the seed in PKCS #8 (RFC 8410): the one form that every runtime reads. */
const PKCS8_PREFIX = Uint8Array.from(
  [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20],
);

/** A public key as the JWK Set has it (PROTOCOL §6.5). */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  /** `ds_` and the key's JWK thumbprint (RFC 7638). */
  readonly kid: string;
  readonly use: "sig";
  readonly alg: "EdDSA";
  readonly x: string;
}

/** A key pair, ready to sign with. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly jwk: PublicJwk;
}

/** The key pair of a seed of {@link SEED_BYTES}. */
export function keyPairOf(seed: Uint8Array): KeyPair {
  const key = Buffer.concat([PKCS8_PREFIX, seed]);
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const x = Buffer.from(spki.subarray(-SEED_BYTES)).toString("base64url");
  const kid = `ds_${thumbprint(x)}`;
  return { privateKey, jwk: { kty: "OKP", crv: "Ed25519", kid, use: "sig", alg: "EdDSA", x } };
}

/** RFC 7638, with the members that RFC 8037 names. */
function thumbprint(x: string): string {
  const members = JSON.stringify({ crv: "Ed25519", kty: "OKP", x });
  return createHash("sha256").update(members).digest("base64url");
}
