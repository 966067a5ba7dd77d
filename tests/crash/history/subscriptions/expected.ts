import type {
  SubscriptionConfig,
  SubscriptionPhase,
  SubscriptionState,
} from "../../../../src/storage/subscription.ts";

/** A time that lies somewhere between two. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A state as it may be: where a time isn't known, it is in a span. */
export interface Expected {
  readonly phase: SubscriptionPhase;
  readonly generation: number;
  /** `undefined` for one that was never there. */
  readonly wakeId: string | undefined;
  readonly wakeAtMs: Span;
  readonly holder: string;
  readonly dueMs: Span;
  readonly failures: number;
  readonly failed: boolean;
}

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 60_000;
const JITTER = 0.2;

/** Just this state. */
export function exactly(state: SubscriptionState): Expected {
  return { ...state, wakeAtMs: at(state.wakeAtMs), dueMs: at(state.dueMs) };
}

/** Whether a state may be this one; a new wake's id differs from `lastWakeId`. */
export function fits(
  expected: Expected,
  state: SubscriptionState,
  lastWakeId: string,
): boolean {
  const isWake = expected.wakeId === undefined
    ? state.wakeId !== "" && state.wakeId !== lastWakeId
    : state.wakeId === expected.wakeId;
  return isWake && state.phase === expected.phase && state.generation === expected.generation &&
    isIn(state.wakeAtMs, expected.wakeAtMs) && state.holder === expected.holder &&
    isIn(state.dueMs, expected.dueMs) && state.failures === expected.failures &&
    state.failed === expected.failed;
}

/** What a state is once its lease was looked at, at some time of a span. */
export function withLeaseEnded(state: SubscriptionState, now: Span): Expected[] {
  const exact = exactly(state);
  if (state.phase !== "delivering" && state.phase !== "leased") return [exact];
  const possible: Expected[] = [];
  if (state.dueMs > now.from) possible.push(exact);
  if (state.dueMs <= now.to) {
    const failed = state.phase === "delivering" || state.failed;
    const over = { from: Math.max(now.from, state.dueMs), to: now.to };
    possible.push({ ...backedOff(exact, over), failed });
  }
  return possible;
}

/** A webhook's first attempt, or a wake event that was written. */
export function woken(state: Expected, { type, leaseMs }: SubscriptionConfig, now: Span): Expected {
  return {
    ...newWake(state, now),
    phase: type === "webhook" ? "delivering" : "waiting",
    holder: "",
    dueMs: after(now, leaseMs),
  };
}

/** A webhook's next attempt. */
export function retried(state: Expected, { leaseMs }: SubscriptionConfig, now: Span): Expected {
  return { ...state, phase: "delivering", dueMs: after(now, leaseMs) };
}

/** A wake event that was written again: it comes again after a lease, or as long as it has waited. */
export function repeated(state: Expected, { leaseMs }: SubscriptionConfig, now: Span): Expected {
  const longestMs = Math.max(leaseMs, LONGEST_DELAY_MS);
  return { ...state, failed: false, dueMs: { from: now.from + leaseMs, to: now.to + longestMs } };
}

/** A worker has the lease. */
export function claimed(
  state: Expected,
  worker: string,
  { leaseMs }: SubscriptionConfig,
  now: Span,
): Expected {
  const wake = state.phase === "waiting" ? state : newWake(state, now);
  return { ...wake, phase: "leased", holder: worker, dueMs: after(now, leaseMs), failed: false };
}

/** A worker is alive. */
export function heartbeat(
  state: Expected,
  hasMoved: boolean,
  { leaseMs }: SubscriptionConfig,
  now: Span,
): Expected {
  const failures = hasMoved ? 0 : state.failures;
  return { ...state, phase: "leased", dueMs: after(now, leaseMs), failures, failed: false };
}

/** A worker is done. */
export function finished(state: Expected): Expected {
  return { ...state, phase: "idle", holder: "", dueMs: at(0), failures: 0, failed: false };
}

/** A worker was of no use: the next wake waits. */
export function backedOff(state: Expected, now: Span): Expected {
  const failures = state.failures + 1;
  return { ...state, phase: "idle", holder: "", failures, failed: false, dueMs: delay(state, now) };
}

/** A webhook's request has failed, and the same wake is to be tried again. */
export function refused(state: Expected, now: Span): Expected {
  const failures = state.failures + 1;
  return { ...state, phase: "waiting", failures, failed: true, dueMs: delay(state, now) };
}

/** A wake event that couldn't be written. */
export function unwritten(state: Expected, now: Span): Expected {
  return { ...backedOff(state, now), phase: state.phase, failed: true };
}

function newWake(state: Expected, now: Span): Expected {
  return { ...state, generation: state.generation + 1, wakeId: undefined, wakeAtMs: now };
}

function delay({ failures }: Expected, now: Span): Span {
  const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
  return {
    from: now.from + Math.floor(delayMs * (1 - JITTER)),
    to: now.to + Math.ceil(delayMs * (1 + JITTER)),
  };
}

function at(ms: number): Span {
  return { from: ms, to: ms };
}

function after({ from, to }: Span, ms: number): Span {
  return { from: from + ms, to: to + ms };
}

function isIn(ms: number, { from, to }: Span): boolean {
  return from <= ms && ms <= to;
}
