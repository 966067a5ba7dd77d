import { isShortageCode, type Session } from "../session.ts";
import { expect } from "../violation.ts";
import { BASE_URL, chooseConfig } from "./config.ts";
import { exactly } from "./expected.ts";
import { type Flight, ModelSubscription } from "./model.ts";
import { followLate, followNow, run } from "./operation.ts";

/** Old workers come with so many of an ended subscription's wakes. */
const KEPT_WAKES = 3;

/** Creates a subscription, or the one that is there once more, or another of its name. */
export function createSubscription(session: Session, name: string): void {
  const { world } = session;
  const existing = world.subscriptions.byName.get(name);
  if (existing !== undefined && existing.lifecycle !== "ended") {
    if (existing.isIdle) createAgain(session, existing);
    return;
  }
  const config = chooseConfig(world.subscriptions.random, world.names);
  const subscription = new ModelSubscription(name, config);
  subscription.wakes.push(...(existing?.wakes ?? []).slice(-KEPT_WAKES));
  const followed = world.names.filter((each) => subscription.follows(each));
  const flight: Flight = {
    what: "create",
    startedMs: world.nowMs,
    isDecided: false,
    after: () => [{ state: exactly(subscription.state), hasHappened: true }],
    acks: new Map(),
    follows: followNow(world, followed),
    links: subscription.links,
    relinked: followed,
  };
  subscription.flight = flight;
  world.subscriptions.byName.set(name, subscription);
  world.note(`${name}: create ${JSON.stringify(config)}`);
  session.ask(session.subscriptions.create(name, { ...config, baseUrl: BASE_URL }), {
    done: ({ created, id, createdAtMs }) => {
      subscription.createdAtMs = createdAtMs;
      world.note(`  ${name}: created ${id}`);
      expect(created, `${name}: is new`);
      subscription.flight = undefined;
      beginSubscription(session, subscription, flight, id);
    },
    refused: ({ code, message }) => {
      world.note(`  ${name}: ${code}`);
      expect(isShortageCode(code) && session.isFaulty, `${name}: can't be created: ${message}`);
      subscription.flight = undefined;
      subscription.lifecycle = "ended";
    },
    unknown: () => world.note(`  ${name}: unknown`),
  });
}

/** It is there. */
export function beginSubscription(
  { world }: Session,
  subscription: ModelSubscription,
  flight: Flight,
  id: number,
): void {
  const { ids } = world.subscriptions;
  expect(!ids.has(id), `${subscription.name}: has the id of an earlier one, ${id}`);
  ids.add(id);
  subscription.id = id;
  subscription.lifecycle = "there";
  subscription.take(flight);
  followLate(world, subscription, flight.relinked);
}

function createAgain(session: Session, subscription: ModelSubscription): void {
  const { world } = session;
  const { name } = subscription;
  const isSame = world.subscriptions.random.chance(0.6);
  const config = isSame
    ? subscription.config
    : { ...subscription.config, leaseMs: subscription.config.leaseMs + 1 };
  run(session, subscription, {
    what: isSame ? "create again" : "create another",
    call: () => session.subscriptions.create(name, { ...config, baseUrl: BASE_URL }),
    looksAtLease: false,
    after: (state) => isSame ? [{ state, hasHappened: true }] : [],
    done: ({ created, id }) =>
      expect(!created && id === subscription.id, `${name}: is there, and was made anew`),
    mayRefuse: (code) => code === "subscription_exists" && !isSame,
  });
}

/** Deletes a subscription, or none. */
export function deleteSubscription(session: Session, name: string): void {
  const { world } = session;
  const subscription = world.subscriptions.byName.get(name);
  if (subscription !== undefined && subscription.lifecycle !== "ended") {
    if (!subscription.isIdle) return;
    subscription.lifecycle = "deleting";
  }
  const isThere = subscription?.lifecycle === "deleting";
  world.note(`${name}: delete`);
  session.ask(session.subscriptions.delete(name), {
    done: () => {
      world.note(`  ${name}: deleted`);
      expect(isThere, `${name}: nothing is there to be deleted`);
      subscription.lifecycle = "ended";
    },
    refused: ({ code, message }) => {
      world.note(`  ${name}: ${code}`);
      const isShort = isShortageCode(code) && session.isFaulty;
      if (isThere && isShort) subscription.lifecycle = "there";
      expect(
        isShort || (!isThere && code === "subscription_not_found"),
        `${name}: can't be deleted: ${message}`,
      );
    },
    unknown: () => world.note(`  ${name}: unknown`),
  });
}

/** Makes a stream that takes wakes, or takes it away. */
export function changeWakeStream(session: Session, name: string, isWanted: boolean): void {
  const { world, storage } = session;
  const model = world.subscriptions.wakeStream(name);
  if (model.status === "unknown" || isWanted === (model.status === "there")) return;
  const { status } = model;
  world.note(`${isWanted ? "create" : "delete"} ${name}`);
  model.status = "unknown";
  model.changes++;
  if (!isWanted) model.events = [];
  const call = isWanted
    ? storage.create(name, { contentType: "application/json" })
    : storage.delete(name);
  session.ask<unknown>(call, {
    done: () => {
      world.note(`  ${name} done`);
      model.status = isWanted ? "there" : "missing";
    },
    refused: ({ code, message }) => {
      model.status = status;
      expect(isShortageCode(code) && session.isFaulty, `${name}: ${message}`);
    },
    unknown: () => {},
  });
}
