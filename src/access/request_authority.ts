import { type AccessRule, ClaimGrants } from "./access_rule.ts";
import type { Clock } from "../env/clock.ts";
import { StreamError } from "../protocol/errors.ts";
import { JWT_CREATOR, type JwtAuthority } from "./jwt/jwt_authority.ts";
import { isPassing } from "./jwt/jwt_verifier.ts";
import { LINK_CREATOR, type LinkAuthority } from "./links/link_authority.ts";
import { linkQuery, linkText, parseLink, SIGNATURE_PARAM } from "./links/link.ts";
import type { Authority, Credentials, Permit, Verifying } from "./permit.ts";
import { checkCookieOrigin, sessionCookie, sessionOf } from "./session_cookie.ts";
import { TOKEN_PREFIX } from "./tokens/token.ts";
import { TOKEN_CREATOR, type TokenStore } from "./tokens/token_store.ts";
import { tokenInvalid, type Verdicts } from "./verdicts.ts";
import { RecentMap } from "./recent_map.ts";

/** A longer token is refused before anything is done with it. */
const TOKEN_LIMIT_CHARS = 8 * 1024;
const CREATORS_LIMIT = 1000;
const SCHEME = "Bearer ";
const ANY_SCHEME = /^bearer +(?=\S)/i;

/** What a {@link RequestAuthority} asks. */
export interface RequestAuthorityParts {
  readonly verdicts: Verdicts;
  readonly tokens: TokenStore | undefined;
  readonly jwt: JwtAuthority | undefined;
  readonly links: LinkAuthority | undefined;
  readonly clock: Clock;
  close(): void;
}

/**
 * Permits of requests: by their `Authorization`, else by a link in their query, else by their cookie. The
 * first that is there counts, good or not.
 */
export class RequestAuthority implements Authority {
  readonly #parts: RequestAuthorityParts;
  /** So that a token that many requests show at once is verified once. */
  readonly #pending = new Map<string, Promise<Permit>>();
  /** The same object for the same creator. */
  readonly #ofCreators = new RecentMap<Permit>(CREATORS_LIMIT);
  readonly close: () => void;

  constructor(parts: RequestAuthorityParts) {
    this.#parts = parts;
    this.close = parts.close;
  }

  /**
   * Looks at other rules for JWTs and changes nothing.
   *
   * @returns puts them in place; permits of JWTs end with that, and are made anew
   * @throws {RangeError} where a rule's grant can't be read
   */
  prepareRules(rules: readonly AccessRule[]): () => void {
    const grants = new ClaimGrants(rules);
    const { jwt, verdicts } = this.#parts;
    return () => {
      verdicts.clear();
      this.#ofCreators.clear();
      jwt?.replaceGrants(grants);
    };
  }

  /** As {@link Authority.authorize}; answers at once where the verdict is known. */
  readonly authorize = (
    request: Credentials,
    verifying?: Verifying,
  ): Permit | undefined | Promise<Permit> => {
    const header = request.headers.get("authorization");
    if (header !== null) return this.#byHeader(header, verifying);
    const { url } = request;
    if (url.includes(SIGNATURE_PARAM)) {
      const query = queryOf(url);
      if (hasSignature(query)) return this.#byLink(query);
    }
    const cookies = request.headers.get("cookie");
    const session = cookies === null ? undefined : sessionOf(cookies);
    if (session === undefined) return undefined;
    checkCookieOrigin(request);
    return hasSignature(session)
      ? this.#byLink(session)
      : this.#byHeader(`Bearer ${session}`, verifying);
  };

  permitOf(creator: string): Permit | undefined {
    const { tokens, jwt, links } = this.#parts;
    if (creator.startsWith(TOKEN_CREATOR)) {
      return tokens?.permitOfId(creator.slice(TOKEN_CREATOR.length));
    }
    const known = this.#ofCreators.get(creator);
    const permit = creator.startsWith(JWT_CREATOR)
      ? known ?? jwt?.permitOfCreator(creator)
      : creator.startsWith(LINK_CREATOR)
      ? links?.permitOfCreator(creator) && (known ?? links.permitOfCreator(creator))
      : undefined;
    if (permit !== undefined && permit !== known) this.#ofCreators.set(creator, permit);
    return permit;
  }

  async startSession(request: Credentials, path: string): Promise<string | undefined> {
    const header = request.headers.get("authorization");
    const query = queryOf(request.url);
    if (header === null && !hasSignature(query)) {
      throw new StreamError(
        { code: "unauthenticated" },
        "A session begins with a token in Authorization, or with a signed link: send one.",
      );
    }
    const permit = await this.authorize(request);
    const shown = header === null ? linkQuery(query) : canonical(header).slice(SCHEME.length);
    const { expiresAtMs } = permit ?? {};
    const maxAgeMs = expiresAtMs === undefined
      ? undefined
      : expiresAtMs - this.#parts.clock.nowMs();
    return sessionCookie(shown, path, maxAgeMs);
  }

  signLink(url: string, name: string, expiresInMs: number): string | undefined {
    return this.#parts.links?.sign(url, name, expiresInMs);
  }

  /** Whether it signs links. */
  get signsLinks(): boolean {
    return this.#parts.links !== undefined;
  }

  #byHeader(header: string, verifying: Verifying | undefined): Permit | Promise<Permit> {
    if (header.length > TOKEN_LIMIT_CHARS) {
      throw tokenInvalid(`it has more than ${TOKEN_LIMIT_CHARS} characters`);
    }
    const { verdicts, tokens, jwt } = this.#parts;
    const text = canonical(header);
    const known = verdicts.get(text);
    if (known !== undefined) return known;
    const token = text.slice(SCHEME.length);
    if (tokens !== undefined && token.startsWith(TOKEN_PREFIX)) {
      return this.#decide(text, () => tokens.permitOf(token));
    }
    if (jwt === undefined) throw tokenInvalid("this server doesn't know it");
    const verify = () => this.#byJwt(text, token, jwt);
    return verifying === undefined ? verify() : verifying(verify);
  }

  #byJwt(text: string, token: string, jwt: JwtAuthority): Promise<Permit> {
    const pending = this.#pending.get(text);
    if (pending !== undefined) return pending;
    const { verdicts } = this.#parts;
    const { epoch } = verdicts;
    const verified = jwt.permitOf(token)
      .then((permit) => verdicts.accept(text, permit, epoch))
      .catch((error: unknown) => {
        if (error instanceof StreamError && !isPassing(error)) verdicts.reject(text, error);
        throw error;
      })
      .finally(() => this.#pending.delete(text));
    this.#pending.set(text, verified);
    return verified;
  }

  #byLink(query: string): Permit {
    const { verdicts, links } = this.#parts;
    if (links === undefined) throw tokenInvalid("this server takes no signed links");
    if (query.length > TOKEN_LIMIT_CHARS) {
      throw tokenInvalid(`its link has more than ${TOKEN_LIMIT_CHARS} characters`);
    }
    const link = parseLink(query);
    const text = linkText(link);
    return verdicts.get(text) ?? this.#decide(text, () => links.permitOf(link));
  }

  #decide(text: string, permitOf: () => Permit): Permit {
    const { verdicts } = this.#parts;
    try {
      return verdicts.accept(text, permitOf());
    } catch (error) {
      if (error instanceof StreamError) verdicts.reject(text, error);
      throw error;
    }
  }
}

/** One spelling for each token: verdicts are found by it. */
function canonical(header: string): string {
  if (header.startsWith(SCHEME) && header[SCHEME.length] !== " ") return header;
  const [scheme] = ANY_SCHEME.exec(header) ?? [];
  if (scheme === undefined) throw tokenInvalid("Authorization is not Bearer and a token");
  return SCHEME + header.slice(scheme.length);
}

function hasSignature(query: string): boolean {
  return query.startsWith(`${SIGNATURE_PARAM}=`) || query.includes(`&${SIGNATURE_PARAM}=`);
}

function queryOf(url: string): string {
  const [, query = ""] = /^[^?#]*\?([^#]*)/.exec(url) ?? [];
  return query;
}
