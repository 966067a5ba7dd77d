import { quote } from "../protocol/errors.ts";
import {
  type Claims,
  claimsOfTemplate,
  fillTemplate,
  type GrantTemplate,
  parseGrantTemplate,
} from "./grant_template.ts";

/** The claim of a JWT that has grants of its own: an array, each `VERBS PATTERN`. */
export const GRANTS_CLAIM = "ds";
/** A token's own grants beyond these aren't looked at. */
const CLAIM_LIMIT_GRANTS = 100;

/** Grants for whoever's token has certain claims. Plain data. */
export interface AccessRule {
  /**
   * The claims it takes: each has to be this text, or an array with it. Default: any token.
   */
  readonly claims?: Readonly<Record<string, string>>;
  /** Lines such as `read,append users/{sub}/**`, where `{claim}` is filled by that claim. */
  readonly grants: readonly string[];
}

/**
 * The rules of a configuration.
 *
 * @param path where they are in it, for messages
 * @throws {RangeError} where they are none; the message names the path
 */
export function parseRules(value: unknown, path = "access.rule"): AccessRule[] {
  if (!Array.isArray(value)) throw wrong(path, value, "a list of rules, each with grants");
  return value.map((rule: unknown, index) => parseRule(rule, `${path}[${index}]`));
}

function parseRule(value: unknown, path: string): AccessRule {
  if (!isTable(value)) throw wrong(path, value, "a rule with grants, and claims or none");
  const unknown = Object.keys(value).find((key) => key !== "claims" && key !== "grants");
  if (unknown !== undefined) {
    throw new RangeError(
      `${path} has ${quote(unknown)}, which is unknown: expected claims, grants.`,
    );
  }
  const { claims, grants } = value;
  if (!Array.isArray(grants) || grants.length === 0) {
    throw wrong(`${path}.grants`, grants, "a list of lines such as read users/{sub}/**");
  }
  const lines = grants.map((line: unknown, index) => parseLine(line, `${path}.grants[${index}]`));
  return claims === undefined
    ? { grants: lines }
    : { claims: parseClaims(claims, `${path}.claims`), grants: lines };
}

function parseLine(line: unknown, path: string): string {
  if (typeof line !== "string") throw wrong(path, line, "a line such as read users/{sub}/**");
  try {
    parseGrantTemplate(line);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${path}: ${error.message}`);
  }
  return line;
}

function parseClaims(value: unknown, path: string): Record<string, string> {
  if (!isTable(value)) throw wrong(path, value, "claims and their texts");
  const claims: Record<string, string> = {};
  for (const [claim, text] of Object.entries(value)) {
    if (typeof text !== "string") throw wrong(`${path}.${claim}`, text, "a text");
    claims[claim] = text;
  }
  return claims;
}

function wrong(path: string, value: unknown, expected: string): RangeError {
  const text = value === undefined ? "missing" : quote(JSON.stringify(value));
  return new RangeError(`${path} is ${text}: expected ${expected}.`);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface CompiledRule {
  readonly claims: readonly (readonly [claim: string, text: string])[];
  readonly grants: readonly GrantTemplate[];
}

/** What JWTs are granted: by the rules that their claims match, and by their own claim. */
export class ClaimGrants {
  readonly #rules: readonly CompiledRule[];
  /** The claims that any rule looks at. */
  readonly #looksAt: ReadonlySet<string>;

  /** @throws {RangeError} where a rule's grant can't be read */
  constructor(rules: readonly AccessRule[]) {
    this.#rules = rules.map(({ claims = {}, grants }) => ({
      claims: Object.entries(claims),
      grants: grants.map(parseGrantTemplate),
    }));
    this.#looksAt = new Set(this.#rules.flatMap(({ claims, grants }) => [
      ...claims.map(([claim]) => claim),
      ...grants.flatMap(claimsOfTemplate),
    ]));
  }

  /** The grants' lines. A grant that can't be read or filled is none. */
  grantsOf(claims: Claims): string[] {
    const templates = this.#rules
      .filter((rule) => rule.claims.every(([claim, text]) => hasClaim(claims, claim, text)))
      .flatMap(({ grants }) => grants);
    return [...templates, ...ownTemplates(claims)]
      .flatMap((template) => fillTemplate(template, claims) ?? []);
  }

  /** Those of the claims that the grants follow from. */
  relevant(claims: Claims): Claims {
    const wanted = new Set([
      "sub",
      GRANTS_CLAIM,
      ...this.#looksAt,
      ...ownTemplates(claims).flatMap(claimsOfTemplate),
    ]);
    return Object.fromEntries(Object.entries(claims).filter(([claim]) => wanted.has(claim)));
  }
}

function hasClaim(claims: Claims, claim: string, text: string): boolean {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  return Array.isArray(value) ? value.includes(text) : value === text;
}

function ownTemplates(claims: Claims): GrantTemplate[] {
  const own = Object.hasOwn(claims, GRANTS_CLAIM) ? claims[GRANTS_CLAIM] : undefined;
  if (!Array.isArray(own)) return [];
  return own.slice(0, CLAIM_LIMIT_GRANTS).flatMap((line: unknown) => {
    if (typeof line !== "string") return [];
    try {
      return [parseGrantTemplate(line)];
    } catch (error) {
      if (error instanceof RangeError) return [];
      throw error;
    }
  });
}
