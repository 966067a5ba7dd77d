import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";

/** What every token begins with, so that scanners for leaked secrets find it. */
export const TOKEN_PREFIX = "ds_";

/** A new token: 256 random bits. */
export function createSecretToken(): string {
  return TOKEN_PREFIX + randomBytes(32).toString("base64url");
}

/** A new token's id: 48 random bits. It never begins with a dash, since `token revoke` takes it as an argument. */
export function createTokenId(): string {
  let id: string;
  do id = randomBytes(6).toString("base64url"); while (id.startsWith("-"));
  return id;
}

/** What is kept of a token: no way leads back, since it is random and long. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
