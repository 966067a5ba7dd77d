import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Bytes } from "../protocol/bytes.ts";
import { StreamError } from "../protocol/errors.ts";

/** What a token is for: the callback of a webhook (§7.1), or the ack and release of a claim (§7.2). */
export type TokenUse = "callback" | "claim";

/** The subscription that a token is for. One that was deleted and made again has another id. */
export interface TokenSubject {
  /** The storage's number of it. */
  readonly id: number;
  /** The name that clients give it. */
  readonly name: string;
}

/** What a token says (PROTOCOL §12.9). */
export interface TokenClaims {
  readonly subscription: TokenSubject;
  readonly generation: number;
  readonly wakeId: string;
  readonly use: TokenUse;
  /** Milliseconds since 1970, rounded up to whole seconds in the token. */
  readonly expiresAtMs: number;
}

/** What a presented token has to be for. */
export interface ExpectedToken {
  readonly subscription: TokenSubject;
  readonly use: TokenUse;
  readonly nowMs: number;
}

/** A longer one is none of ours: names of subscriptions are far shorter. */
const LIMIT_CHARS = 8 * 1024;

const HEADER = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT" })).toString("base64url");

/**
 * A token for one wake's worker (PROTOCOL §12.9): a JWT, signed with HMAC-SHA-256.
 *
 * @param secret the storage's, `SigningKeys.tokenSecret`
 */
export function createToken(secret: Bytes, claims: TokenClaims): string {
  const { subscription, generation, wakeId, use, expiresAtMs } = claims;
  const payload: Payload = {
    sub: subscription.name,
    sid: subscription.id,
    gen: generation,
    wake: wakeId,
    use,
    exp: Math.ceil(expiresAtMs / 1000),
  };
  const signed = `${HEADER}.${Buffer.from(JSON.stringify(payload)).toString("base64url")}`;
  return `${signed}.${signatureOf(secret, signed).toString("base64url")}`;
}

/**
 * Reads a token that a worker presents. Whether its generation and wake are the current ones is for
 * the caller to say (PROTOCOL §7.3).
 *
 * @throws {StreamError} `token_invalid` where it isn't one of this server's for that subscription and
 * use, `token_expired` where it is and its time is over
 */
export function verifyToken(secret: Bytes, token: string, expected: ExpectedToken): TokenClaims {
  const claims = readToken(secret, token);
  const { subscription, use, nowMs } = expected;
  if (
    claims.subscription.id !== subscription.id || claims.subscription.name !== subscription.name
  ) {
    throw invalidToken("it is for another subscription");
  }
  if (claims.use !== use) {
    throw invalidToken(`it is a ${claims.use} token, and a ${use} token is wanted`);
  }
  if (claims.expiresAtMs <= nowMs) {
    const when = new Date(claims.expiresAtMs).toISOString();
    throw new StreamError({ code: "token_expired" }, `The token expired at ${when}.`);
  }
  return claims;
}

/**
 * Reads a token of a subscription that may have ended since.
 *
 * @throws {StreamError} `token_invalid` where this server didn't make it for one of this name
 */
export function checkTokenName(secret: Bytes, token: string, name: string): void {
  if (readToken(secret, token).subscription.name !== name) {
    throw invalidToken("it is for another subscription");
  }
}

/** @throws {StreamError} `token_invalid` where this server didn't make it */
function readToken(secret: Bytes, token: string): TokenClaims {
  if (token.length > LIMIT_CHARS) throw invalidToken(`it has more than ${LIMIT_CHARS} characters`);
  const end = token.lastIndexOf(".");
  const signed = token.slice(0, Math.max(end, 0));
  // The only header there is: no other algorithm, and none at all, is ever looked at.
  if (!signed.startsWith(`${HEADER}.`)) throw invalidToken("this server didn't make it");
  if (!isSignature(token.slice(end + 1), signatureOf(secret, signed))) {
    throw invalidToken("its signature is wrong");
  }
  return parseClaims(signed.slice(HEADER.length + 1));
}

function signatureOf(secret: Bytes, signed: string): Buffer {
  return createHmac("sha256", secret).update(signed).digest();
}

/** Compares the text, since several texts decode to the same bytes, and in constant time. */
function isSignature(text: string, expected: Buffer): boolean {
  const presented = Buffer.from(text);
  const right = Buffer.from(expected.toString("base64url"));
  return presented.length === right.length && timingSafeEqual(presented, right);
}

/** Only what this server signed comes here, but a newer version of it may have signed other claims. */
function parseClaims(payload: string): TokenClaims {
  const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
  if (!isPayload(claims)) throw invalidToken("it has other claims than this version's");
  return {
    subscription: { id: claims.sid, name: claims.sub },
    generation: claims.gen,
    wakeId: claims.wake,
    use: claims.use,
    expiresAtMs: claims.exp * 1000,
  };
}

/** The claims of the JWT. */
interface Payload {
  readonly sub: string;
  readonly sid: number;
  readonly gen: number;
  readonly wake: string;
  readonly use: TokenUse;
  /** Seconds since 1970. */
  readonly exp: number;
}

function isPayload(value: unknown): value is Payload {
  return typeof value === "object" && value !== null &&
    "sub" in value && typeof value.sub === "string" &&
    "sid" in value && Number.isSafeInteger(value.sid) &&
    "gen" in value && Number.isSafeInteger(value.gen) &&
    "wake" in value && typeof value.wake === "string" &&
    "use" in value && (value.use === "callback" || value.use === "claim") &&
    "exp" in value && Number.isSafeInteger(value.exp);
}

function invalidToken(problem: string): StreamError {
  return new StreamError(
    { code: "token_invalid" },
    `The token in Authorization isn't valid: ${problem}. Send the one of this wake or claim, as ` +
      "`Bearer TOKEN`.",
  );
}
