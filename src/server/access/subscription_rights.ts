import type { Authority, Permit } from "../../access/permit.ts";
import { Rights } from "../../access/rights.ts";
import type { Clock } from "../../env/clock.ts";
import { parsePattern } from "../../protocol/name_pattern.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import type { SubscriptionConfig } from "../../storage/subscription.ts";
import type { SubscriptionScope } from "../../storage/subscription_store.ts";
import type { WakeCheck } from "../../subscriptions/service.ts";
import { type Asker, hasEnded, missing, requireRight, requireRightOver } from "./guard.ts";

/** What a subscription keeps of its creator is at most this long. */
export const CREATOR_LIMIT_BYTES = 4096;

/**
 * Whoever subscribes needs `subscribe` for all that is followed, and `append` for where the wakes go.
 *
 * @returns what the subscription keeps of them
 * @throws {StreamError} `forbidden`
 */
export function checkNewSubscription(
  asker: Asker,
  { pattern, streams, wakeStream }: SubscriptionConfig,
): { creator?: string } {
  if (asker === undefined) return {};
  if (pattern !== undefined) requireRightOver(asker, "subscribe", parsePattern(pattern));
  for (const path of streams) requireRight(asker, "subscribe", path);
  if (wakeStream !== undefined) requireRight(asker, "append", wakeStream);
  const { creator } = asker.permit;
  if (creator === undefined) return {};
  const bytes = new TextEncoder().encode(creator).length;
  if (bytes <= CREATOR_LIMIT_BYTES) return { creator };
  throw new StreamError(
    { code: "forbidden" },
    `A subscription keeps at most ${CREATOR_LIMIT_BYTES} bytes of its creator's rights, and these are ` +
      `${bytes}: subscribe with a token of fewer grants.`,
  );
}

/** Whether somebody may do what concerns a subscription that is there: `subscribe` for all that it follows. */
export function mayUse(asker: Asker, scope: SubscriptionScope): boolean {
  return asker === undefined || mayFollow(asker, scope);
}

/** The error for a subscription that isn't theirs, be it there or not. */
export function notTheirs(asker: Rights, name: string): StreamError {
  return missing(asker, `subscribe for all that the subscription ${quote(name)} follows`);
}

/**
 * Asks at each wake whether a subscription's creator still has the right; nothing to ask where the authority
 * doesn't know creators.
 */
export function wakeCheck(authority: Authority | undefined, clock: Clock): WakeCheck | undefined {
  if (authority?.permitOf === undefined) return undefined;
  const verdicts = new WeakMap<SubscriptionScope, Verdict>();
  const judge = (scope: SubscriptionScope, permit: Permit | undefined) => {
    if (permit === undefined || hasEnded(permit, clock)) return "its creator's rights have ended";
    const rights = Rights.of(permit);
    let verdict = verdicts.get(scope);
    if (verdict?.rights !== rights) {
      verdict = { rights, problem: problemOf(rights, scope) };
      verdicts.set(scope, verdict);
    }
    return verdict.problem;
  };
  return (scope) => {
    if (scope.creator === undefined) return undefined;
    try {
      const permit = authority.permitOf?.(scope.creator);
      return permit instanceof Promise
        ? permit.then((permit) => judge(scope, permit), unknownRights)
        : judge(scope, permit);
    } catch (error) {
      return unknownRights(error);
    }
  };
}

/** What came of looking at up to 10,000 links: they are looked at again once they or the rights change. */
interface Verdict {
  readonly rights: Rights;
  readonly problem: string | undefined;
}

function problemOf(rights: Rights, scope: SubscriptionScope): string | undefined {
  if (!mayFollow(rights, scope)) {
    return "its creator may no longer subscribe to all that it follows";
  }
  const { wakeStream } = scope;
  if (wakeStream === undefined || rights.allows("append", wakeStream)) return undefined;
  return `its creator may no longer append to its wake stream ${quote(wakeStream)}`;
}

function mayFollow(rights: Rights, { pattern, paths }: SubscriptionScope): boolean {
  if (pattern !== undefined && !rights.covers("subscribe", pattern)) return false;
  for (const path of paths) {
    if (!rights.allows("subscribe", path)) return false;
  }
  return true;
}

function unknownRights(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `its creator's rights can't be asked for: ${reason}`;
}
