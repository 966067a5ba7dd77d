import { quote, StreamError } from "../protocol/errors.ts";
import { matches, parsePattern, type Pattern } from "../protocol/name_pattern.ts";
import type { RetentionPolicy } from "../protocol/retention.ts";
import { type StreamPolicies, strictestRetention } from "./policies.ts";

/** Each stream that is loaded is compared with all of them. */
const RULES_LIMIT = 100;

/** How much is kept of the streams that a pattern matches, beside what they say themselves. */
export interface RetentionRule {
  /** A pattern of names (PROTOCOL §6.2). */
  readonly pattern: string;
  readonly retention: RetentionPolicy;
}

interface ParsedRule {
  readonly pattern: Pattern;
  readonly retention: RetentionPolicy;
}

/** What patterns say of how much is kept of streams. */
export class RetentionRules {
  readonly #rules: readonly ParsedRule[];

  /** @throws {RangeError} where a rule makes no sense */
  constructor(rules: readonly RetentionRule[]) {
    if (rules.length > RULES_LIMIT) {
      throw new RangeError(
        `${rules.length} patterns have a retention: at most ${RULES_LIMIT} are taken.`,
      );
    }
    this.#rules = rules.map(parseRule);
  }

  /** Whether there are none. */
  get isNone(): boolean {
    return this.#rules.length === 0;
  }

  /** Whether any of them is about this name. */
  matches(name: string): boolean {
    return this.#rules.some(({ pattern }) => matches(pattern, name));
  }

  /** What is kept of a stream of this name with these policies; `undefined` where that is all of it. */
  retentionOf(name: string, policies: StreamPolicies | undefined): RetentionPolicy | undefined {
    const own = policies?.retention;
    if (this.#rules.length === 0) return own;
    const found = this.#rules.filter(({ pattern }) => matches(pattern, name));
    if (found.length === 0) return own;
    return strictestRetention([
      ...found.map(({ retention }) => retention),
      ...(own === undefined ? [] : [own]),
    ]);
  }
}

function parseRule({ pattern, retention }: RetentionRule): ParsedRule {
  const { ageMs, bytes, messages, toSnapshot } = retention;
  for (const [name, value] of Object.entries({ ageMs, bytes, messages })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue;
    throw new RangeError(
      `The retention of ${
        quote(pattern)
      } is of ${value} ${name}: expected a whole number from 0 on.`,
    );
  }
  if (toSnapshot === undefined && (ageMs ?? bytes ?? messages) === undefined) {
    throw new RangeError(
      `The retention of ${quote(pattern)} limits nothing: give an age, bytes, messages, or ` +
        "to-snapshot.",
    );
  }
  return { pattern: parse(pattern), retention };
}

function parse(text: string): Pattern {
  try {
    return parsePattern(text);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new RangeError(error.message);
  }
}
