import type { SubscriptionConfig, SubscriptionState } from "../subscription.ts";

/**
 * How a subscription goes from one state to the next (PROTOCOL §7): pure, so that what is decided is what
 * is recorded. None of these looks at cursors.
 */

const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 60_000;
/** A wait is longer or shorter by up to this part. */
const JITTER = 0.2;

/** What a transition needs beside the state. */
export interface TransitionContext {
  readonly config: Pick<SubscriptionConfig, "type" | "leaseMs">;
  readonly nowMs: number;
  /** A number from 0 up to 1, for the jitter. */
  readonly random: () => number;
}

/** What came of a webhook's request. */
export type DeliveryOutcome = "done" | "accepted" | "failed";

/** Whether a lease has run out. */
export function isLeaseOver({ phase, dueMs }: SubscriptionState, nowMs: number): boolean {
  return (phase === "delivering" || phase === "leased") && dueMs <= nowMs;
}

/** The state with a lease that has run out taken away: nobody holds it, and its wake's token is void. */
export function endLease(state: SubscriptionState, context: TransitionContext): SubscriptionState {
  if (!isLeaseOver(state, context.nowMs)) return state;
  return backOff(state, context, state.phase === "delivering" ? true : state.failed);
}

/** A new wake: a webhook's first attempt, or a wake event that is written. */
export function wake(
  state: SubscriptionState,
  wakeId: string,
  { config, nowMs }: TransitionContext,
): SubscriptionState {
  return {
    ...state,
    phase: config.type === "webhook" ? "delivering" : "waiting",
    generation: state.generation + 1,
    wakeId,
    wakeAtMs: nowMs,
    holder: "",
    dueMs: nowMs + config.leaseMs,
  };
}

/** The next attempt of a webhook's wake; its lease begins anew. */
export function retry(
  state: SubscriptionState,
  { config, nowMs }: TransitionContext,
): SubscriptionState {
  return { ...state, phase: "delivering", dueMs: nowMs + config.leaseMs };
}

/** A wake event that nobody claims was repeated: again after a lease, later after as long as it has waited. */
export function repeat(
  state: SubscriptionState,
  { config, nowMs }: TransitionContext,
): SubscriptionState {
  const longestMs = Math.max(config.leaseMs, MAX_DELAY_MS);
  const waitedMs = Math.min(longestMs, Math.max(config.leaseMs, nowMs - state.wakeAtMs));
  return { ...state, dueMs: nowMs + waitedMs };
}

/** What waits for its time is due now; the same state where nothing does. */
export function dueNow(state: SubscriptionState, nowMs: number): SubscriptionState {
  const waits = state.phase === "idle" || state.phase === "waiting";
  return waits && state.dueMs > nowMs ? { ...state, dueMs: nowMs } : state;
}

/** A worker takes the wake that waits for it, or a new one. */
export function claim(
  state: SubscriptionState,
  worker: string,
  newWakeId: string,
  { config, nowMs }: TransitionContext,
): SubscriptionState {
  const isNew = state.phase !== "waiting";
  return {
    ...state,
    phase: "leased",
    generation: isNew ? state.generation + 1 : state.generation,
    wakeId: isNew ? newWakeId : state.wakeId,
    wakeAtMs: isNew ? nowMs : state.wakeAtMs,
    holder: worker,
    dueMs: nowMs + config.leaseMs,
    failed: false,
  };
}

/** What a webhook's answer does to the wake that it answers. A callback may have come before it. */
export function deliver(
  state: SubscriptionState,
  outcome: DeliveryOutcome,
  context: TransitionContext,
): SubscriptionState {
  if (outcome === "done") return finish(state);
  if (state.phase !== "delivering") return state;
  if (outcome === "accepted") return { ...state, phase: "leased", failed: false };
  return {
    ...state,
    phase: "waiting",
    failures: state.failures + 1,
    failed: true,
    dueMs: context.nowMs + delayMs(state.failures, context.random),
  };
}

/** A worker is alive: its lease begins anew. */
export function heartbeat(
  state: SubscriptionState,
  hasMoved: boolean,
  { config, nowMs }: TransitionContext,
): SubscriptionState {
  return {
    ...state,
    phase: "leased",
    dueMs: nowMs + config.leaseMs,
    failures: hasMoved ? 0 : state.failures,
    failed: false,
  };
}

/** A worker is done, and what is pending may wake at once. */
export function finish(state: SubscriptionState): SubscriptionState {
  return { ...state, phase: "idle", holder: "", dueMs: 0, failures: 0, failed: false };
}

/**
 * A worker gives its wake back, has let its lease run out, or is done and has processed nothing: the next
 * wake waits, longer each time.
 */
export function backOff(
  state: SubscriptionState,
  { nowMs, random }: TransitionContext,
  failed = false,
): SubscriptionState {
  return {
    ...state,
    phase: "idle",
    holder: "",
    failures: state.failures + 1,
    failed,
    dueMs: nowMs + delayMs(state.failures, random),
  };
}

/** The wait after so many failures and one more, in ms (PROTOCOL §7.1). */
function delayMs(failures: number, random: () => number): number {
  const wholeMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
  return Math.round(wholeMs * (1 + JITTER * (2 * random() - 1)));
}
