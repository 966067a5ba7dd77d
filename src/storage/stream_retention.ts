import type { RetentionPolicy } from "../protocol/retention.ts";
import type { RetentionRules } from "./retention_rules.ts";

/** What the retention of a stream comes to, as long as the rules of patterns and its policies are these. */
export interface StreamRetention {
  readonly rules: RetentionRules;
  /** The limits in force; `undefined` where there are none. */
  readonly limits: RetentionPolicy | undefined;
  /** Past so many bytes held it is looked at; raised where a look left as many. */
  lookAtBytes: number;
  /** Past so many messages held it is looked at. */
  readonly lookAtMessages: number;
  /** What is kept longer than it has to be by so many ms is looked at. */
  readonly ageSlackMs: number;
  /** When it is to be looked at next, in ms since 1970; `Infinity` where nothing is due by itself. */
  dueMs: number;
}

/** Looked at this much after the first thing may go: a share of the age, so that much goes at once. */
const SLACK_SHARE = 8;
const LEAST_SLACK_MS = 1000;
const MOST_SLACK_MS = 3600 * 1000;
/** And this share of the bytes or messages above the limit, at least a block. */
const GROWTH_SHARE = 16;

/**
 * What limits come to.
 *
 * @param leastBytes a block's
 */
export function streamRetention(
  rules: RetentionRules,
  limits: RetentionPolicy | undefined,
  leastBytes: number,
): StreamRetention {
  const { ageMs = 0, messages = Infinity } = limits ?? {};
  return {
    rules,
    limits,
    lookAtBytes: lookAtBytes(limits, leastBytes),
    lookAtMessages: messages + Math.max(1, Math.floor(messages / GROWTH_SHARE)),
    ageSlackMs: Math.min(MOST_SLACK_MS, Math.max(LEAST_SLACK_MS, Math.floor(ageMs / SLACK_SHARE))),
    dueMs: Infinity,
  };
}

/**
 * Past how many bytes held a stream is looked at.
 *
 * @param heldBytes what a look has left of it, just now: more than the limit where a compacted part can't be
 * cut. Then so much may be there as well, or each append would look in vain
 */
export function lookAtBytes(
  limits: RetentionPolicy | undefined,
  leastBytes: number,
  heldBytes = 0,
): number {
  const { bytes = Infinity } = limits ?? {};
  const growthBytes = Math.max(leastBytes, Math.floor(bytes / GROWTH_SHARE));
  return heldBytes > bytes + growthBytes ? heldBytes + growthBytes : bytes + growthBytes;
}
