import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
} from "jose";
import type { Clock } from "../../env/clock.ts";
import { StreamError } from "../../protocol/errors.ts";
import { quote } from "../../protocol/errors.ts";
import { tokenExpired, tokenInvalid } from "../verdicts.ts";
import type { KeySource } from "./key_source.ts";
import type { VerifyKey } from "./verify_key.ts";

/** What JWTs have to say. */
export interface JwtRules {
  readonly audience: string;
  readonly issuer: string | undefined;
  /** How far the clocks of who makes tokens may be from this one's. */
  readonly clockToleranceMs: number;
}

/** A JWT that is good. */
export interface VerifiedJwt {
  readonly claims: JWTPayload;
  /** When it ends, the tolerance included, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Without a key id so many keys are tried. */
const TRIED_KEYS = 8;
const LATEST_TIME_MS = 8.64e15;
/** What would tell where to get the key that a token is signed with. */
const KEY_POINTERS = ["jku", "jwk", "x5u"] as const;

/** Verifies JWTs (RFC 7519, as RFC 8725 recommends). */
export class JwtVerifier {
  readonly #keys: KeySource;
  readonly #rules: JwtRules;
  readonly #clock: Clock;

  constructor(keys: KeySource, rules: JwtRules, clock: Clock) {
    this.#keys = keys;
    this.#rules = rules;
    this.#clock = clock;
  }

  /** @throws {StreamError} `token_invalid`, `token_expired`; `overloaded` where there are no keys yet */
  async verify(token: string): Promise<VerifiedJwt> {
    const { alg, kid } = checkHeader(token);
    const keys = await this.#keys.keysFor({ alg, kid });
    if (keys.length === 0) throw tokenInvalid("none of this server's keys is for it");
    this.#checkEnd(token);
    for (const key of keys.slice(0, TRIED_KEYS)) {
      try {
        return await this.#verifyBy(token, key);
      } catch (error) {
        if (error instanceof errors.JWSSignatureVerificationFailed) continue;
        throw invalidBy(error);
      }
    }
    throw tokenInvalid("its signature is wrong");
  }

  /**
   * Whether its time is over needs no signature: to look at one costs up to half a millisecond, and all of
   * a service's clients may come back from sleep at once. What is wrong with its audience or issuer is said
   * only to who has signed it, or anybody could try which ones are right.
   */
  #checkEnd(token: string): void {
    const expiresAtMs = endOf(token);
    if (expiresAtMs === undefined) return;
    if (expiresAtMs + this.#rules.clockToleranceMs <= this.#clock.nowMs()) {
      throw tokenExpired(Math.max(0, Math.min(expiresAtMs, LATEST_TIME_MS)));
    }
  }

  async #verifyBy(token: string, key: VerifyKey): Promise<VerifiedJwt> {
    const { audience, issuer, clockToleranceMs } = this.#rules;
    const { payload } = await jwtVerify(token, key.jwk, {
      algorithms: [...key.algorithms],
      audience,
      ...(issuer === undefined ? {} : { issuer }),
      clockTolerance: clockToleranceMs / 1000,
      requiredClaims: ["exp", "aud"],
      currentDate: new Date(this.#clock.nowMs()),
    });
    const expiresAtMs = Math.min((payload.exp ?? 0) * 1000 + clockToleranceMs, LATEST_TIME_MS);
    // jose counts in whole seconds, rounding down.
    if (expiresAtMs <= this.#clock.nowMs()) throw tokenExpired(expiresAtMs);
    return { claims: payload, expiresAtMs };
  }
}

/** Whether a fault may be over soon by itself. */
export function isPassing(error: StreamError): boolean {
  return error instanceof NotYetValid || error.code === "overloaded";
}

class NotYetValid extends StreamError {}

function checkHeader(token: string): { alg: string; kid: string | undefined } {
  const header = headerOf(token);
  const { alg, typ, kid } = header;
  if (typeof alg !== "string" || alg.toLowerCase() === "none") {
    throw tokenInvalid("it isn't signed");
  }
  const type = typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : typ;
  if (type !== undefined && type !== "jwt" && type !== "at+jwt") {
    throw tokenInvalid("its typ is neither JWT nor at+jwt");
  }
  const pointer = KEY_POINTERS.find((each) => header[each] !== undefined);
  if (pointer !== undefined) {
    throw tokenInvalid(`it has ${pointer}, and only this server's keys count`);
  }
  if (kid !== undefined && typeof kid !== "string") throw tokenInvalid("its kid is no text");
  return { alg, kid };
}

function headerOf(token: string): ProtectedHeaderParameters {
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw tokenInvalid("it is neither a token of this server nor a JWT");
  }
}

/** What a token says of itself; `undefined` where it says nothing, or can't be read. */
function endOf(token: string): number | undefined {
  try {
    const { exp } = decodeJwt(token);
    return typeof exp === "number" ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** jose's messages may have parts of the token, so that none of them is passed on. */
function invalidBy(error: unknown): unknown {
  if (error instanceof StreamError) return error;
  if (error instanceof errors.JWTExpired) {
    const { exp } = error.payload;
    const atMs = typeof exp === "number" ? exp * 1000 : 0;
    return tokenExpired(Math.max(0, Math.min(atMs, LATEST_TIME_MS)));
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === "missing") return tokenInvalid(`it has no ${quote(error.claim)}`);
    switch (error.claim) {
      case "nbf":
        return new NotYetValid({ code: "token_invalid" }, "The token isn't valid yet.");
      case "aud":
        return tokenInvalid("it is for another audience");
      case "iss":
        return tokenInvalid("it is another issuer's");
    }
    return tokenInvalid(`its ${quote(error.claim)} is wrong`);
  }
  // The runtimes' own errors are of odd signatures.
  const isOfToken = error instanceof errors.JOSEError || error instanceof TypeError ||
    error instanceof DOMException;
  if (isOfToken) {
    return tokenInvalid(
      "it is malformed, or signed in a way that none of this server's keys is for",
    );
  }
  return error;
}
