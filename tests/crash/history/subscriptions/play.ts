import type { Session } from "../session.ts";
import { expect } from "../violation.ts";
import { SUBSCRIPTION_NAMES, WAKE_STREAMS } from "./config.ts";
import { changeWakeStream, createSubscription, deleteSubscription } from "./lifecycle.ts";
import type { ModelSubscription } from "./model.ts";
import { ack, claim, deliver, delivered, link, release, unlink } from "./operations.ts";
import { pendingNow } from "./pending.ts";
import { step } from "./steps.ts";
import { lookAtSubscription, peekAtSubscription } from "./verify.ts";

/** What a driver and workers need to come to rest, however often they have to begin again. */
const ROUNDS_LIMIT = 60;

/** Asks something of the subscriptions, or lets the time go on for their leases. */
export async function playSubscriptions(session: Session): Promise<void> {
  const { world } = session;
  const { random, byName } = world.subscriptions;
  const name = random.pick(SUBSCRIPTION_NAMES);
  const subscription = byName.get(name);
  const kind = random.below(100);
  if (kind < 4) {
    return changeWakeStream(session, random.pick(WAKE_STREAMS), random.chance(0.8));
  }
  if (kind < 8) return world.machine.clock.advance(random.pick([1, 900, 1300, 5000, 70_000]));
  if (kind < 10) return deleteSubscription(session, name);
  if (subscription === undefined || subscription.lifecycle !== "there") {
    if (kind < 60) createSubscription(session, name);
    return;
  }
  if (!subscription.isIdle) {
    if (kind < 40) await peekAtSubscription(session, subscription);
    return;
  }
  if (kind < 13) createSubscription(session, name);
  else if (kind < 18) link(session, subscription);
  else if (kind < 23) unlink(session, subscription);
  else if (kind < 27) release(session, subscription);
  else if (kind < 33) await lookAtSubscription(session, subscription);
  else if (kind < 60) step(session, subscription, random.chance(0.2));
  else if (subscription.config.type === "pull-wake" ? kind < 78 : kind < 62) {
    claim(session, subscription);
  } else if (subscription.config.type === "webhook" && kind < 80) delivered(session, subscription);
  else ack(session, subscription);
}

/** A driver and workers do all that is to be done: whatever has happened before, nothing is left over. */
export async function workOff(session: Session): Promise<void> {
  const { world } = session;
  for (const name of WAKE_STREAMS) changeWakeStream(session, name, true);
  await session.drain();
  for (const subscription of world.subscriptions.all()) {
    for (let round = 0; await workOn(session, subscription); round++) {
      const { name, state } = subscription;
      expect(round < ROUNDS_LIMIT, `${name}: never comes to rest, ${JSON.stringify(state)}`);
    }
    await lookAtSubscription(session, subscription);
  }
}

/** Does what is next; false where nothing is pending for certain. */
async function workOn(session: Session, subscription: ModelSubscription): Promise<boolean> {
  const { world } = session;
  const { id } = subscription;
  if (id === undefined || pendingNow(world, subscription).certain.size === 0) return false;
  step(session, subscription, true);
  await session.drain();
  const { phase, dueMs, wakeId } = subscription.state;
  const wake = subscription.wakes.findLast(({ fence }) => fence.wakeId === wakeId);
  if (phase === "delivering") {
    if (wake !== undefined) deliver(session, subscription, wake, "done");
  } else if (phase === "waiting" && subscription.config.type === "pull-wake") {
    claim(session, subscription);
    await session.drain();
    ack(session, subscription, true);
  } else if (dueMs > world.nowMs) {
    world.machine.clock.advance(dueMs - world.nowMs);
  }
  await session.drain();
  return true;
}
