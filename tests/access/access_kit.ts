import { exportJWK, exportSPKI, generateKeyPair, type JWTHeaderParameters, SignJWT } from "jose";
import { type AccessSettings } from "../../src/access/access_settings.ts";
import {
  type AuthorityParts,
  openAuthority,
  type OpenedAuthority,
} from "../../src/access/open_authority.ts";
import type { Credentials, Permit } from "../../src/access/permit.ts";
import { createSecretToken, hashToken } from "../../src/access/tokens/token.ts";
import { encodeTokenFile, type TokenRecord } from "../../src/access/tokens/token_file.ts";
import { ManualClock } from "../support/manual_clock.ts";

export const AUDIENCE = "https://streams.example";

/** A key pair, as its owner and as a server have it. */
export interface TestKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: Record<string, unknown>;
  readonly pem: string;
}

export async function makeKey(alg: string, kid: string = alg): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...await exportJWK(publicKey), kid, alg };
  return { alg, kid, privateKey, jwk, pem: await exportSPKI(publicKey) };
}

/** A JWT as an issuer makes it. */
export interface TestJwt {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  /** From the clock's time; `undefined` leaves it out. */
  readonly expiresInMs?: number | undefined;
  readonly audience?: string | undefined;
}

export function makeJwt(
  clock: ManualClock,
  key: { alg: string; kid?: string; privateKey: CryptoKey | Uint8Array },
  jwt: TestJwt = {},
): Promise<string> {
  const { claims = {}, header = {} } = jwt;
  const expiresInMs = "expiresInMs" in jwt ? jwt.expiresInMs : 60_000;
  const audience = "audience" in jwt ? jwt.audience : AUDIENCE;
  const all = { sub: "ann", ...claims };
  const protectedHeader: JWTHeaderParameters = {
    alg: key.alg,
    ...(key.kid === undefined ? {} : { kid: key.kid }),
    ...header,
  };
  const signed = new SignJWT(all).setProtectedHeader(protectedHeader);
  if (audience !== undefined) signed.setAudience(audience);
  if (expiresInMs !== undefined) {
    signed.setExpirationTime(Math.floor((clock.nowMs() + expiresInMs) / 1000));
  }
  return signed.sign(key.privateKey);
}

/** A token of a token file. */
export function makeToken(
  clock: ManualClock,
  more: Partial<TokenRecord> = {},
): { token: string; record: TokenRecord } {
  const token = createSecretToken();
  const record = {
    id: "t1",
    sha256: hashToken(token).toString("hex"),
    subject: "ann",
    grants: ["read chats/{sub}/**"],
    createdAtMs: clock.nowMs(),
    ...more,
  };
  return { token, record };
}

export function writeTokens(path: string, records: readonly TokenRecord[]): void {
  Deno.writeFileSync(path, encodeTokenFile(records));
}

const URL_OF_STREAM = "http://127.0.0.1:4437/v1/stream/chats/ann/1";

/** A request as an authority sees it. */
export function request(
  headers: Record<string, string> = {},
  { url = URL_OF_STREAM, method = "GET" } = {},
): Credentials {
  return { method, url, headers: new Headers(headers) };
}

export function bearer(token: string): Credentials {
  return request({ authorization: `Bearer ${token}` });
}

/** What an authority says, by a promise in any case. */
export async function ask(
  authority: OpenedAuthority,
  credentials: Credentials,
): Promise<Permit | undefined> {
  return await authority.authorize(credentials);
}

/** Closes the authority however the test ends. */
export async function withAuthority<T>(
  settings: AccessSettings,
  parts: AuthorityParts,
  run: (authority: OpenedAuthority) => Promise<T>,
): Promise<T> {
  const authority = await openAuthority(settings, parts);
  try {
    return await run(authority);
  } finally {
    authority.close();
  }
}
