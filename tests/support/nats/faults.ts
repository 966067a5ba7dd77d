import type { Random } from "../random.ts";
import type { Delay } from "./delay.ts";

/** What happens to a publish. */
export type PublishFault =
  /** It never arrives, and no answer does: unknown, and not stored. */
  | { readonly kind: "message_lost" }
  /** It is stored, and the answer is lost: unknown. */
  | { readonly kind: "answer_lost" }
  /** It reaches the leader when nobody waits for it any more, and is compared with what is there then. */
  | { readonly kind: "arrives_late"; readonly after: Delay }
  /** The leader has taken it and can't finish it before then: all of its log hangs meanwhile. */
  | { readonly kind: "committed_late"; readonly after: Delay }
  /** It stops there for a while, and is answered afterwards if that is in time. */
  | {
    readonly kind: "held";
    readonly at: "request" | "commit" | "answer";
    readonly until: Delay;
  }
  /** Refused though nothing is wrong with it, as if another one were under way. */
  | { readonly kind: "refused" }
  | { readonly kind: "unavailable" }
  | { readonly kind: "full" }
  | { readonly kind: "rejected" };

/** What happens to a question. */
export type ReadFault =
  /** No answer. */
  | { readonly kind: "unavailable" }
  /** It is answered by the replica of this number; 0 is the leader, whatever was asked for. */
  | { readonly kind: "replica"; readonly replica: number }
  /** It stops there for a while. */
  | { readonly kind: "held"; readonly at: "request" | "answer"; readonly until: Delay };

/** What happens to a call of another front end. */
export type CallFault =
  /** It never arrives. */
  | { readonly kind: "call_lost" }
  /** It is served, and the answer is lost. */
  | { readonly kind: "answer_lost" }
  /** It is served after so long, whether anybody still waits for it or not. */
  | { readonly kind: "arrives_late"; readonly after: Delay };

/** How likely each fault is, from 0 to 1; what is left out never happens. */
export interface FaultRates {
  readonly messageLost?: number;
  readonly answerLost?: number;
  readonly arrivesLate?: number;
  readonly committedLate?: number;
  readonly refused?: number;
  readonly unavailable?: number;
  readonly full?: number;
  readonly readFails?: number;
  readonly noticeLost?: number;
  readonly callLost?: number;
  readonly callAnswerLost?: number;
  readonly callLate?: number;
  /** A follower loses one message for good, as by a flipped bit. */
  readonly replicaDamaged?: number;
}

/** From the least to the most, in ms of the clock. */
export type RangeMs = readonly [number, number];

/** How long things take. */
export interface ClusterTimes {
  readonly requestMs: RangeMs;
  readonly commitMs: RangeMs;
  readonly answerMs: RangeMs;
  /** How far a follower is behind. */
  readonly lagMs: RangeMs;
  readonly noticeMs: RangeMs;
  /** What is late beyond patience. */
  readonly lateMs: RangeMs;
  /** After so long a publish is given up: unknown. 0: only one whose answer never comes, and that at once. */
  readonly answerLimitMs: number;
}

const AT_ONCE: RangeMs = [0, 0];

/** All in microtasks: the clock needn't be moved. */
export const AT_ONCE_TIMES: ClusterTimes = {
  requestMs: AT_ONCE,
  commitMs: AT_ONCE,
  answerMs: AT_ONCE,
  lagMs: AT_ONCE,
  noticeMs: AT_ONCE,
  lateMs: [500, 5000],
  answerLimitMs: 0,
};

/** As in a cluster that is alive and busy: the clock has to be moved. */
export const BUSY_TIMES: ClusterTimes = {
  requestMs: [0, 3],
  commitMs: [0, 4],
  answerMs: [0, 3],
  lagMs: [0, 30],
  noticeMs: [0, 20],
  lateMs: [200, 6000],
  answerLimitMs: 2000,
};

/** The fault that the next publish has by its rates. */
export function drawPublishFault(
  random: Random,
  rates: FaultRates,
  times: ClusterTimes,
): PublishFault | undefined {
  const [first, last] = times.lateMs;
  if (happens(random, rates.messageLost)) return { kind: "message_lost" };
  if (happens(random, rates.answerLost)) return { kind: "answer_lost" };
  if (happens(random, rates.arrivesLate)) {
    return { kind: "arrives_late", after: random.between(first, last) };
  }
  if (happens(random, rates.committedLate)) {
    return { kind: "committed_late", after: random.between(first, last) };
  }
  if (happens(random, rates.refused)) return { kind: "refused" };
  if (happens(random, rates.unavailable)) return { kind: "unavailable" };
  return happens(random, rates.full) ? { kind: "full" } : undefined;
}

/** The fault that the next call has by its rates. */
export function drawCallFault(
  random: Random,
  rates: FaultRates,
  { lateMs: [first, last] }: ClusterTimes,
): CallFault | undefined {
  if (happens(random, rates.callLost)) return { kind: "call_lost" };
  if (happens(random, rates.callAnswerLost)) return { kind: "answer_lost" };
  return happens(random, rates.callLate)
    ? { kind: "arrives_late", after: random.between(first, last) }
    : undefined;
}

/** Whether something of this rate happens now; nothing is drawn for what never does. */
export function happens(random: Random, rate: number | undefined): boolean {
  return rate !== undefined && rate > 0 && random.chance(rate);
}
