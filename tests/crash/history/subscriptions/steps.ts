import type { Step } from "../../../../src/storage/subscription_store.ts";
import type { Session } from "../session.ts";
import { expect } from "../violation.ts";
import * as expected from "./expected.ts";
import type { Expected, Span } from "./expected.ts";
import type { ModelSubscription, Possibility } from "./model.ts";
import { run } from "./operation.ts";
import { type Certainty, pendingNow, pendingSince, type PendingView } from "./pending.ts";
import { takeWake } from "./wakes.ts";

/** What is known of a step when its outcome is judged. */
interface StepView {
  readonly isLost: boolean;
  readonly isPending: Certainty;
  /** Whether a wake event can be written; everything can be sent to a webhook. */
  readonly isWritable: Certainty;
}

/** A driver does what is due: `isLost` where it has no request under way. */
export function step(session: Session, subscription: ModelSubscription, isLost: boolean): void {
  const { world } = session;
  const { config, id, state } = subscription;
  if (id === undefined) return;
  const { wakeStream } = config;
  const before = pendingNow(world, subscription);
  const taker = wakeStream === undefined ? undefined : world.subscriptions.wakeStream(wakeStream);
  const takerBefore = taker && { ...taker };
  const view = (): StepView => {
    const isChanged = taker?.status !== takerBefore?.status ||
      taker?.changes !== takerBefore?.changes || session.isFaulty;
    const isThere = taker?.status === "there" ? "yes" : "no";
    const isUnsure = isChanged || taker?.status === "unknown";
    return {
      isLost,
      isPending: pendingSince(world, subscription, before),
      isWritable: taker === undefined ? "yes" : isUnsure ? "maybe" : isThere,
    };
  };
  run(session, subscription, {
    what: isLost ? "step, what was sent is lost" : "step",
    call: () => session.subscriptions.step(id, isLost),
    isDurable: ({ kind }) => kind === "deliver",
    looksAtLease: true,
    after: (base, now) => outcomes(subscription, base, now, view()),
    settled: ({ phase, generation, failed }) => {
      if (phase !== "waiting" || generation === state.generation || failed) return;
      // Its event is there, unless that was refused and nobody could note it any more.
      const isSame = taker?.status === "there" && taker.changes === takerBefore?.changes;
      if (!isSame || takerBefore?.status !== "there" || session.isFaulty) return;
      taker.events.push(
        new RegExp(`"subscription_id":"${subscription.name}",[^}]*"generation":${generation},`),
      );
    },
    done: (result) =>
      checkStep(
        session,
        subscription,
        result,
        before,
        subscription.state.generation > state.generation,
      ),
    mayRefuse: () => false,
  });
}

function outcomes(
  { config }: ModelSubscription,
  base: Expected,
  now: Span,
  { isLost, isPending, isWritable }: StepView,
): Possibility[] {
  const all: Expected[] = [];
  if (base.phase === "delivering") all.push(isLost ? expected.retried(base, config, now) : base);
  else if (base.phase === "leased") all.push(base);
  else {
    const isOver = base.phase === "waiting" || base.failed;
    if (isPending !== "yes") all.push(isOver ? expected.finished(base) : base);
    if (isPending !== "no") all.push(...dueOutcomes(config, base, now, isWritable));
  }
  return all.map((state) => ({ state, hasHappened: true }));
}

function dueOutcomes(
  config: ModelSubscription["config"],
  base: Expected,
  now: Span,
  isWritable: Certainty,
): Expected[] {
  const all: Expected[] = [];
  const isMended = config.type === "pull-wake" && base.failed;
  if (base.dueMs.to > now.from) all.push(base);
  if (base.dueMs.from > now.to && !isMended) return all;
  const isWaiting = base.phase === "waiting";
  if (config.type === "webhook") {
    const next = isWaiting ? expected.retried : expected.woken;
    return [...all, next(base, config, now)];
  }
  const next = isWaiting
    ? expected.repeated(base, config, now)
    : { ...expected.woken(base, config, now), failed: false };
  if (isWritable !== "no") all.push(next);
  if (isWritable === "yes") return all;
  return [...all, expected.unwritten(base, now), expected.unwritten(next, now)];
}

function checkStep(
  session: Session,
  subscription: ModelSubscription,
  result: Step,
  before: PendingView,
  isWoken: boolean,
): void {
  const { name, state } = subscription;
  const at = `${name}: a step says ${result.kind} in ${JSON.stringify(state)}`;
  if (result.kind === "deliver") {
    expect(state.phase === "delivering", at);
    takeWake(session, subscription, result.wake, before, isWoken);
  } else if (result.kind === "rest") {
    expect(state.phase === "idle", at);
  } else {
    expect(result.untilMs === state.dueMs, `${at}, until ${result.untilMs}`);
    expect(state.dueMs > 0, `${at}: nothing is due`);
  }
}
