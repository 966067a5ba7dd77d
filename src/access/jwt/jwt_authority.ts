import { type ClaimGrants } from "../access_rule.ts";
import type { Claims } from "../grant_template.ts";
import type { Permit } from "../permit.ts";
import type { JwtVerifier } from "./jwt_verifier.ts";

/** What a permit's `creator` begins with where it is a JWT's. */
export const JWT_CREATOR = "jwt:";

const SUBJECT_LIMIT_CHARS = 256;
/** Who has a token that doesn't say it. */
const NOBODY = "unnamed";

/** Permits of JWTs. */
export class JwtAuthority {
  readonly #verifier: JwtVerifier;
  #grants: ClaimGrants;
  /** Aborted where the rules change by which permits were made. */
  #rulesChanged = new AbortController();

  constructor(verifier: JwtVerifier, grants: ClaimGrants) {
    this.#verifier = verifier;
    this.#grants = grants;
  }

  /** @throws {StreamError} as {@link JwtVerifier.verify} */
  async permitOf(token: string): Promise<Permit> {
    const { claims, expiresAtMs } = await this.#verifier.verify(token);
    return { ...this.#permit(claims), expiresAtMs, signal: this.#rulesChanged.signal };
  }

  /** Grants by other rules. All permits end: whoever has one may get another. */
  replaceGrants(grants: ClaimGrants): void {
    this.#grants = grants;
    const before = this.#rulesChanged;
    this.#rulesChanged = new AbortController();
    before.abort();
  }

  /** What somebody of a `creator`'s claims may do by today's rules. */
  permitOfCreator(creator: string): Permit | undefined {
    const claims = parseClaims(creator.slice(JWT_CREATOR.length));
    return claims === undefined ? undefined : this.#permit(claims);
  }

  #permit(claims: Claims): Permit {
    return {
      subject: subjectOf(claims),
      grants: this.#grants.grantsOf(claims),
      creator: JWT_CREATOR + JSON.stringify(this.#grants.relevant(claims)),
    };
  }
}

function subjectOf({ sub }: Claims): string {
  if (typeof sub !== "string" || sub === "") return NOBODY;
  return sub.slice(0, SUBJECT_LIMIT_CHARS).replaceAll(/\p{Cc}/gu, "\ufffd").toWellFormed();
}

function parseClaims(text: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? { ...value }
      : undefined;
  } catch {
    return undefined;
  }
}
