import { quote } from "../protocol/errors.ts";
import { isPattern, STAR } from "../protocol/name_pattern.ts";
import { CONTROL } from "../protocol/stream_name.ts";
import { GRANT_FORM, parseGrant } from "./grant.ts";

/** What is said of whoever asks: a JWT's claims, or a token's subject as `sub`. */
export type Claims = Readonly<Record<string, unknown>>;

/** A grant whose pattern may have segments such as `{sub}`, which a claim fills. */
export interface GrantTemplate {
  readonly verbs: string;
  readonly segments: readonly string[];
}

const PLACEHOLDER = /^\{([\w.:-]+)\}$/;

/**
 * The template of a line such as `read,append users/{sub}/**`.
 *
 * @throws {RangeError} where it is none
 */
export function parseGrantTemplate(line: string): GrantTemplate {
  const [, verbs = "", pattern = ""] = /^\s*(\S+)\s+(\S.*?)\s*$/.exec(line) ?? [];
  if (pattern === "") parseGrant(line);
  const segments = pattern.split("/");
  const mixed = segments.find((segment) => /[{}]/.test(segment) && !PLACEHOLDER.test(segment));
  if (mixed !== undefined) {
    throw new RangeError(
      `The grant ${quote(line)} can't be read: its segment ${
        quote(mixed)
      } has a brace; a claim is ` +
        `a whole segment such as {sub}. Expected ${GRANT_FORM}.`,
    );
  }
  // Any literal stands for what the claims will be.
  parseGrant(`${verbs} ${segments.map((each) => PLACEHOLDER.test(each) ? "x" : each).join("/")}`);
  return { verbs, segments };
}

/**
 * The grant's line for somebody of these claims, or `undefined` where a claim is no single segment of a
 * name: missing, not a string, empty, with a slash or wildcard, a dot segment, or with characters that a
 * line can't carry.
 */
export function fillTemplate(
  { verbs, segments }: GrantTemplate,
  claims: Claims,
): string | undefined {
  const filled: string[] = [];
  for (const segment of segments) {
    const [, claim] = PLACEHOLDER.exec(segment) ?? [];
    const value = claim === undefined ? segment : segmentOf(claims, claim);
    if (value === undefined) return undefined;
    filled.push(value);
  }
  const pattern = filled.join("/");
  return isPattern(pattern) ? `${verbs} ${pattern}` : undefined;
}

/** The claims that a template asks for. */
export function claimsOfTemplate({ segments }: GrantTemplate): readonly string[] {
  return segments.flatMap((segment) => PLACEHOLDER.exec(segment)?.[1] ?? []);
}

function segmentOf(claims: Claims, claim: string): string | undefined {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  if (typeof value !== "string" || value === "" || value === "." || value === "..") {
    return undefined;
  }
  // White space around it would be lost where the line is read again, and another's name remain.
  const isSegment = !value.includes("/") && !value.includes(STAR) && !CONTROL.test(value) &&
    value.trim() === value && !/[\u2028\u2029]/.test(value) && value.isWellFormed();
  return isSegment ? value : undefined;
}
