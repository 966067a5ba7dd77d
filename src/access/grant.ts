import { matches, parsePattern, type Pattern } from "../protocol/name_pattern.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { isVerb, type Verb, VERBS } from "./verb.ts";

/** What a grant looks like, as the end of "expected …". */
export const GRANT_FORM = `VERBS PATTERN such as read,append chats/*, with verbs of ${
  VERBS.join(", ")
}`;

/** Verbs over the names that a pattern matches (PROTOCOL §6.2). */
export interface Grant {
  readonly verbs: ReadonlySet<Verb>;
  readonly pattern: Pattern;
}

/**
 * The grant of a line such as `read,append chats/*`.
 *
 * @throws {RangeError} where it is none
 */
export function parseGrant(line: string): Grant {
  const [, words = "", pattern = ""] = /^\s*(\S+)\s+(\S.*?)\s*$/.exec(line) ?? [];
  const verbs = words.split(",").filter(isVerb);
  if (pattern === "" || verbs.length !== words.split(",").length) {
    throw new RangeError(`The grant ${quote(line)} can't be read: expected ${GRANT_FORM}.`);
  }
  try {
    return { verbs: new Set(verbs), pattern: parsePattern(pattern) };
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new RangeError(`The grant ${quote(line)} can't be read: ${error.message}`);
  }
}

/** Whether one of the grants has the verb for a stream of this name. */
export function allows(grants: readonly Grant[], verb: Verb, name: string): boolean {
  return grants.some(({ verbs, pattern }) => verbs.has(verb) && matches(pattern, name));
}
