import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import { quote, StreamError } from "../../protocol/errors.ts";
import { parsePattern } from "../../protocol/name_pattern.ts";
import { parseGrant } from "../grant.ts";
import { isVerb, type Verb, VERBS } from "../verb.ts";
import { tokenExpired, tokenInvalid } from "../verdicts.ts";

/** The query parameters of a signed link; `offset`, `live` and `cursor` are beside them, unsigned. */
const PATTERN_PARAM = "ds-p";
const VERBS_PARAM = "ds-v";
const EXPIRES_PARAM = "ds-exp";
const KEY_PARAM = "ds-kid";
/** The parameter without which nothing is a link. */
export const SIGNATURE_PARAM = "ds-sig";

/** No link lives longer: 7 days. */
export const LINK_LIMIT_MS = 7 * 24 * 3_600_000;
const DEFAULT_VERBS = "read";
const SIGNATURE_BYTES = 32;
/** All of them. */
export const LINK_PARAMS: readonly string[] = [
  PATTERN_PARAM,
  VERBS_PARAM,
  EXPIRES_PARAM,
  KEY_PARAM,
  SIGNATURE_PARAM,
];

/** A secret that links are signed with, as a link key file has it. Plain data. */
export interface LinkKey {
  /** What links name it by: letters, digits, `-` and `_`. */
  readonly kid: string;
  /** At least 32 random bytes, in base64url. */
  readonly secret: string;
}

/** What a link lets its holder do. */
export interface LinkOptions {
  readonly key: LinkKey;
  /** The streams, as a pattern over their names: one's own name unless it holds a `*`. */
  readonly pattern: string;
  /** Default: `["read"]`. */
  readonly verbs?: readonly Verb[];
  /** How long it lasts, in milliseconds: at most 7 days. */
  readonly expiresInMs: number;
  /** Milliseconds since 1970. Default: now. */
  readonly nowMs?: number;
}

/**
 * A link that lets whoever has it do what `verbs` say with the streams of a pattern, until it expires: for
 * `EventSource` and `<a href>`, which can't send a header. The signature is in the query; `offset`, `live`
 * and `cursor` may be added, changed and removed.
 *
 * @param url a stream's URL; what it has of another link is replaced
 * @throws {RangeError} where the pattern, a verb, the key or the time can't be used
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { signLink } from "./link.ts";
 *
 * const secret = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"; // a link key file's; keep it secret
 * const link = signLink("https://streams.example/v1/stream/chats/42", {
 *   key: { kid: "k1", secret },
 *   pattern: "chats/42",
 *   expiresInMs: 3_600_000,
 * });
 * assert.match(link, /^https:\/\/streams\.example\/v1\/stream\/chats\/42\?ds-p=chats%2F42&ds-exp=/);
 * ```
 */
export function signLink(url: string | URL, options: LinkOptions): string {
  const { key, pattern, verbs = ["read"], expiresInMs, nowMs = Date.now() } = options;
  checkPattern(pattern);
  if (!(expiresInMs >= 1 && expiresInMs <= LINK_LIMIT_MS)) {
    throw new RangeError(
      `expiresInMs is ${expiresInMs}: expected from 1 to ${LINK_LIMIT_MS}, which is 7 days.`,
    );
  }
  const link: LinkText = {
    kid: key.kid,
    // Rounded down: no link lives longer than it was meant to, or is refused for that.
    expires: String(Math.max(Math.floor((nowMs + expiresInMs) / 1000), 1)),
    verbs: VERBS.filter((verb) => verbs.includes(verb)).join(","),
    pattern,
  };
  if (verbs.length === 0 || !verbs.every(isVerb)) {
    throw new RangeError(`The verbs ${quote(verbs.join(","))} are not of ${VERBS.join(", ")}.`);
  }
  const signature = signatureOf(secretOf(key), link).toString("base64url");
  const signed = new URL(url);
  for (const param of LINK_PARAMS) signed.searchParams.delete(param);
  signed.searchParams.set(PATTERN_PARAM, link.pattern);
  if (link.verbs !== DEFAULT_VERBS) signed.searchParams.set(VERBS_PARAM, link.verbs);
  signed.searchParams.set(EXPIRES_PARAM, link.expires);
  signed.searchParams.set(KEY_PARAM, link.kid);
  signed.searchParams.set(SIGNATURE_PARAM, signature);
  return signed.href;
}

/** A link's parts as its query has them. */
export interface LinkText {
  readonly kid: string;
  /** Seconds since 1970. */
  readonly expires: string;
  readonly verbs: string;
  readonly pattern: string;
}

/** A link as somebody shows it. */
export interface ShownLink extends LinkText {
  readonly signature: string;
}

/**
 * The link in a query.
 *
 * @throws {StreamError} `token_invalid` where a part is missing or there twice
 */
export function parseLink(query: string): ShownLink {
  const params = new URLSearchParams(query);
  const only = (param: string, otherwise?: string): string => {
    const [value = otherwise, second] = params.getAll(param);
    if (value !== undefined && second === undefined) return value;
    throw tokenInvalid(`its link has ${value === undefined ? "no" : "more than one"} ${param}`);
  };
  return {
    pattern: only(PATTERN_PARAM),
    verbs: only(VERBS_PARAM, DEFAULT_VERBS),
    expires: only(EXPIRES_PARAM),
    kid: only(KEY_PARAM),
    signature: only(SIGNATURE_PARAM),
  };
}

/** A link's whole text, the same for the same link whatever else is in the URL. */
export function linkText({ kid, expires, verbs, pattern, signature }: ShownLink): string {
  return `link\n${kid}\n${expires}\n${verbs}\n${signature}\n${pattern}`;
}

/** Those of a query's parameters that are a link's. */
export function linkQuery(query: string): string {
  const isOfLink = ([param]: readonly [string, string]) => LINK_PARAMS.includes(param);
  return new URLSearchParams([...new URLSearchParams(query)].filter(isOfLink)).toString();
}

/** A link that is good. */
export interface VerifiedLink {
  readonly verbs: readonly Verb[];
  readonly pattern: string;
  readonly expiresAtMs: number;
}

/**
 * What a link lets its holder do.
 *
 * @param key the one that it names, where that is known
 * @throws {StreamError} `token_invalid`, `token_expired`
 */
export function verifyLink(
  link: ShownLink,
  key: LinkKey | undefined,
  nowMs: number,
): VerifiedLink {
  if (key === undefined) {
    throw tokenInvalid("its link is signed with a key that isn't this server's");
  }
  const shown = Buffer.from(link.signature);
  const right = Buffer.from(signatureOf(secretOf(key), link).toString("base64url"));
  if (shown.length !== right.length || !timingSafeEqual(shown, right)) {
    throw tokenInvalid("its link's signature is wrong");
  }
  const expiresAtMs = Number(link.expires) * 1000;
  const words = link.verbs.split(",");
  const verbs = words.filter(isVerb);
  const isGood = /^\d{1,12}$/.test(link.expires) && verbs.length === words.length &&
    expiresAtMs - nowMs <= LINK_LIMIT_MS && isLinkPattern(link.pattern);
  if (!isGood) throw tokenInvalid("its link says what this server doesn't take");
  if (expiresAtMs <= nowMs) throw tokenExpired(expiresAtMs);
  return { verbs, pattern: link.pattern, expiresAtMs };
}

function signatureOf(secret: Buffer, { kid, expires, verbs, pattern }: LinkText): Buffer {
  // The pattern is last, and has no line break that is looked for.
  return createHmac("sha256", secret)
    .update(["ds-link-1", kid, expires, verbs, pattern].join("\n")).digest();
}

function secretOf({ kid, secret }: LinkKey): Buffer {
  const bytes = Buffer.from(secret, "base64url");
  if (/^[\w-]{1,32}$/.test(kid) && bytes.length >= SIGNATURE_BYTES) return bytes;
  throw new RangeError(
    `The link key ${
      quote(kid)
    } can't be used: expected an id of 1 to 32 letters, digits, - and _, and a ` +
      `secret of at least ${SIGNATURE_BYTES} bytes in base64url.`,
  );
}

function checkPattern(pattern: string): void {
  try {
    parsePattern(pattern);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new RangeError(error.message);
  }
  if (isLinkPattern(pattern)) return;
  throw new RangeError(
    `The pattern ${
      quote(pattern)
    } can't be a link's: expected one without spaces at its ends and without line breaks.`,
  );
}

/**
 * Whether a link may be for this pattern. What a link allows is a grant's line, which takes spaces at the
 * pattern's ends for its own: it would be one for other streams.
 */
export function isLinkPattern(pattern: string): boolean {
  try {
    return parseGrant(`read ${pattern}`).pattern.text === pattern;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
