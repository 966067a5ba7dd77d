import type { NatsSubscriptions } from "../../../../src/storage/nats/subscriptions/nats_subscriptions.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import type { SubscriptionStore } from "../../../../src/storage/subscription_store.ts";
import type { FrontEndKit } from "./subscriptions_kit.ts";

/**
 * Several front ends as one storage: each call goes to the next one, and what a driver does to the one that
 * owns the subscriptions.
 */
export function asOneStorage(frontEnds: readonly FrontEndKit[]): Storage {
  let calls = 0;
  const next = () => {
    const frontEnd = frontEnds[++calls % frontEnds.length];
    if (frontEnd === undefined) throw new Error("There is no front end.");
    return frontEnd;
  };
  const storage = () => next().storage;
  return {
    get identity() {
      return storage().identity;
    },
    subscriptions: asOneStore(frontEnds, () => next().store),
    create: (name, spec) => storage().create(name, spec),
    append: (name, request) => storage().append(name, request),
    delete: (name) => storage().delete(name),
    head: (name) => storage().head(name),
    read: (name, from, limitBytes) => storage().read(name, from, limitBytes),
    list: (request) => storage().list(request),
    watch: (name, onChange) => storage().watch(name, onChange),
    status: () => storage().status(),
    close: () => Promise.resolve(),
  };
}

function asOneStore(
  frontEnds: readonly FrontEndKit[],
  next: () => NatsSubscriptions,
): SubscriptionStore {
  const owner = () => frontEnds.find(({ store }) => store.ids().length > 0)?.store ?? next();
  return {
    get secrets() {
      return next().secrets;
    },
    create: (name, spec) => next().create(name, spec),
    get: (name) => next().get(name),
    links: (name, after, limit) => next().links(name, after, limit),
    scope: (name) => next().scope(name),
    list: (after, limit, isShown) => next().list(after, limit, isShown),
    delete: (name) => next().delete(name),
    link: (name, paths) => next().link(name, paths),
    unlink: (name, path) => next().unlink(name, path),
    claim: (name, worker) => next().claim(name, worker),
    ack: (name, fence, acks, done) => next().ack(name, fence, acks, done),
    release: (name, fence) => next().release(name, fence),
    retry: (name) => next().retry(name),
    attach: (onChange) => {
      for (const { store } of frontEnds) store.attach(onChange);
      return () => {};
    },
    nameOf: (id) => owner().nameOf(id),
    endpoint: (id) => owner().endpoint(id),
    ids: () => owner().ids(),
    step: (id, isLost, problem) => owner().step(id, isLost, problem),
    delivered: (id, wakeId, outcome) => owner().delivered(id, wakeId, outcome),
  };
}
