import { positionOf } from "../../../../src/protocol/offset.ts";
import type { WakeStream } from "../../../../src/storage/subscription.ts";
import type { Fence, RequestedAck } from "../../../../src/storage/subscription_store.ts";
import type { ModelStream } from "../model.ts";
import type { Session } from "../session.ts";
import { expect } from "../violation.ts";
import type { World } from "../world.ts";
import { chooseNames } from "./config.ts";
import * as expected from "./expected.ts";
import type { Expected } from "./expected.ts";
import type { Acked, ModelSubscription, ModelWake, Possibility } from "./model.ts";
import { followNow, run } from "./operation.ts";
import { isSteady, pendingNow, pendingSince } from "./pending.ts";
import { takeWake } from "./wakes.ts";

/** No stream of a history is so long. */
const PAST_ANY_TAIL = 1_000_000_000;
const WORKERS = ["worker 1", "worker 2"];
const OUTCOMES = ["done", "done", "accepted", "failed"] as const;

/** Links some more streams. */
export function link(session: Session, subscription: ModelSubscription): void {
  const { world } = session;
  const { random } = world.subscriptions;
  const paths = chooseNames(random, world.names, random.between(1, 3));
  const relinked = paths.filter((path) => !subscription.follows(path));
  run(session, subscription, {
    what: `link ${paths.join()}`,
    call: () => session.subscriptions.link(subscription.name, paths),
    looksAtLease: false,
    after: happens,
    follows: followNow(world, relinked),
    links: new Set([...subscription.links, ...paths]),
    relinked,
    done: () => {},
    mayRefuse: () => false,
  });
}

/** Takes a link away, or none. */
export function unlink(session: Session, subscription: ModelSubscription): void {
  const { world } = session;
  const { random } = world.subscriptions;
  const { links, name } = subscription;
  const path = random.pick(links.size > 0 && random.chance(0.8) ? [...links] : world.names);
  run(session, subscription, {
    what: `unlink ${path}`,
    call: () => session.subscriptions.unlink(name, path),
    looksAtLease: false,
    after: happens,
    links: new Set([...links].filter((each) => each !== path)),
    relinked: links.has(path) ? [path] : [],
    done: () => {},
    mayRefuse: () => false,
  });
}

/** A worker wants the lease. */
export function claim(session: Session, subscription: ModelSubscription): void {
  const { world } = session;
  const { config, name } = subscription;
  const worker = world.subscriptions.random.pick(WORKERS);
  const before = pendingNow(world, subscription);
  run(session, subscription, {
    what: `claim by ${worker}`,
    call: () => session.subscriptions.claim(name, worker),
    looksAtLease: true,
    after: (base, now) => {
      if (config.type === "webhook" || base.phase === "leased") return [];
      if (pendingSince(world, subscription, before) === "no") return [];
      return [{ state: expected.claimed(base, worker, config, now), hasHappened: true }];
    },
    done: (wake) => takeWake(session, subscription, wake, before, true),
    mayRefuse: (code, bases) => {
      if (config.type === "webhook") return code === "invalid_subscription";
      if (code === "already_claimed") return bases.some(({ phase }) => phase === "leased");
      return code === "no_pending_work" && pendingSince(world, subscription, before) !== "yes";
    },
  });
}

/** A worker gives its lease back, or one that it hasn't got any more. */
export function release(session: Session, subscription: ModelSubscription): void {
  const { name } = subscription;
  const wake = chooseWake(session.world, subscription);
  if (wake === undefined) return;
  const { fence } = wake;
  const before = pendingNow(session.world, subscription);
  run(session, subscription, {
    what: `release ${describeFence(fence)}`,
    call: () => session.subscriptions.release(name, fence),
    looksAtLease: true,
    after: (base, now) => {
      if (!isPresent(subscription, fence, base)) return [];
      const isPending = pendingSince(session.world, subscription, before);
      const states: Expected[] = [];
      if (isPending !== "no") states.push(expected.backedOff(base, now));
      if (isPending !== "yes") states.push(expected.finished(base));
      return states.map((state) => ({ state, hasHappened: true }));
    },
    done: () => {},
    mayRefuse: (code, bases) => isFencedOff(subscription, fence, code, bases),
  });
}

/**
 * A worker acknowledges streams, or none: a heartbeat; rightly, too low, too far or too late.
 *
 * @param isAll all that is pending, rightly, and the worker is done
 */
export function ack(session: Session, subscription: ModelSubscription, isAll = false): void {
  const { world } = session;
  const { random } = world.subscriptions;
  const { config, name } = subscription;
  const wake = isAll ? subscription.wakes.at(-1) : chooseWake(world, subscription);
  if (wake === undefined) return;
  const { fence } = wake;
  const acks = chooseAcks(world, subscription, wake.streams, isAll);
  const bad = !isAll && random.chance(0.15) ? chooseBadAck(world, subscription, acks) : undefined;
  const requested = [...acks].map(([stream, position]) => toRequested(stream, position));
  if (bad !== undefined) requested.push(bad.ack);
  if (random.chance(0.3)) requested.push(...staleAcks(world, wake.streams));
  // What is asked of a stream that is gone by then is nothing to be refused.
  const isRefused = () => bad !== undefined && isSteady(world, bad.stream);
  const done = isAll || random.chance(0.4);
  const before = pendingNow(world, subscription);
  const hasMoved = [...acks].some(([stream, position]) =>
    position > subscription.ackedOf(stream).high
  );
  const isSteadily = () => [...acks.keys()].every((stream) => isSteady(world, stream));
  const shown = requested.map(({ path, offset }) => `${path}=${positionOf(offset)}`);
  run(session, subscription, {
    what: `ack ${describeFence(fence)} ${shown.join()}${bad ? " bad" : ""}${done ? " done" : ""}`,
    call: () => session.subscriptions.ack(name, fence, requested, done),
    looksAtLease: true,
    after: (base, now) => {
      if (isRefused() || !isPresent(subscription, fence, base)) return [];
      const moves = isSteadily() ? [hasMoved] : [true, false];
      const states = moves.flatMap((moved) => {
        if (!done) return expected.heartbeat(base, moved, config, now);
        const finished = expected.finished(base);
        return moved ? finished : [expected.backedOff(base, now), finished];
      });
      return states.map((state) => ({ state, hasHappened: true }));
    },
    acks: new Map(
      [...acks].map(([stream, position]) => [stream, { low: position, high: position }]),
    ),
    done: ({ nextWake }) => {
      const now = pendingNow(world, subscription);
      // What was pending beyond the acks when they were asked for, and is.
      const left = [...before.certain].some(([stream, tail]) =>
        now.certain.has(stream) && tail > subscription.ackedOf(stream).high
      );
      expect(nextWake || !left, `${name}: more is pending, and the ack's answer says no`);
    },
    mayRefuse: (code, bases) =>
      isFencedOff(subscription, fence, code, bases) ||
      (code === "invalid_ack" && (bad !== undefined || !isSteadily())),
  });
}

/** A driver hears what came of a webhook's request, the present one or an older one. */
export function delivered(session: Session, subscription: ModelSubscription): void {
  const outcome = session.world.subscriptions.random.pick(OUTCOMES);
  const wake = chooseWake(session.world, subscription);
  if (wake !== undefined) deliver(session, subscription, wake, outcome);
}

/** A driver hears of a wake that it was done, or what else. */
export function deliver(
  session: Session,
  subscription: ModelSubscription,
  wake: ModelWake,
  outcome: typeof OUTCOMES[number],
): void {
  const { world } = session;
  const { id } = subscription;
  if (id === undefined || wake.fence.token.subscriptionId !== id) return;
  const { wakeId } = wake.fence;
  run(session, subscription, {
    what: `${outcome} ${describeFence(wake.fence)}`,
    call: () => session.subscriptions.delivered(id, wakeId, outcome),
    isDurable: () => false,
    looksAtLease: true,
    after: (base, now) => {
      if (base.phase === "idle" || base.wakeId !== wakeId) return unchanged(base);
      if (outcome === "done") return [{ state: expected.finished(base), hasHappened: true }];
      if (base.phase !== "delivering") return unchanged(base);
      const state: Expected = outcome === "failed"
        ? expected.refused(base, now)
        : { ...base, phase: "leased", failed: false };
      return [{ state, hasHappened: true }];
    },
    acks: outcome === "done" ? acksOf(world, wake.streams) : new Map(),
    done: () => {},
    mayRefuse: () => false,
  });
}

function happens(base: Expected): Possibility[] {
  return [{ state: base, hasHappened: true }];
}

function unchanged(base: Expected): Possibility[] {
  return [{ state: base, hasHappened: false }];
}

/** Mostly the newest wake, sometimes an older one. */
function chooseWake(world: World, { wakes }: ModelSubscription) {
  if (wakes.length === 0) return undefined;
  const { random } = world.subscriptions;
  return random.chance(0.75) ? wakes.at(-1) : random.pick(wakes);
}

function isPresent({ id }: ModelSubscription, fence: Fence, base: Expected): boolean {
  return fence.token.subscriptionId === id && base.phase !== "idle" &&
    fence.generation === base.generation && fence.wakeId === base.wakeId;
}

function isFencedOff(
  subscription: ModelSubscription,
  fence: Fence,
  code: string,
  bases: readonly Expected[],
): boolean {
  if (fence.token.subscriptionId !== subscription.id) return code === "token_invalid";
  return code === "fenced" && bases.some((base) => !isPresent(subscription, fence, base));
}

/** Positions of streams that stay: such as the worker was woken for, or came to be followed since. */
function chooseAcks(
  world: World,
  subscription: ModelSubscription,
  woken: readonly WakeStream[],
  isAll: boolean,
): Map<ModelStream, number> {
  const { random } = world.subscriptions;
  const acks = new Map<ModelStream, number>();
  const count = isAll ? Infinity : random.pick([0, 1, 1, 2, 3, 5]);
  for (const name of world.names) {
    const stream = acks.size < count ? world.stream(name) : undefined;
    if (stream === undefined || !isAckable(world, subscription, stream, woken)) continue;
    const { low, high } = subscription.ackedOf(stream);
    if (low !== high || high > stream.tail) continue;
    acks.set(stream, isAll || random.chance(0.6) ? stream.tail : random.between(high, stream.tail));
  }
  return acks;
}

function isAckable(
  world: World,
  subscription: ModelSubscription,
  stream: ModelStream,
  woken: readonly WakeStream[],
): boolean {
  if (!subscription.follows(stream.name) || !isSteady(world, stream)) return false;
  const entry = woken.find(({ path }) => path === stream.name);
  // An ack of the stream that the worker was woken for isn't one of the next stream of the name.
  return entry === undefined || entry.streamId === stream.id;
}

/** Of streams that were deleted and made again since the worker was woken: these have no effect. */
function staleAcks(world: World, woken: readonly WakeStream[]): RequestedAck[] {
  return woken.flatMap(({ path, streamId }) => {
    const stream = world.stream(path);
    if (stream === undefined || stream.id === undefined || stream.id === streamId) return [];
    return isSteady(world, stream) ? toRequested(stream, stream.tail) : [];
  });
}

/** One that goes back, or further than the stream; instead of a right one. */
function chooseBadAck(
  world: World,
  subscription: ModelSubscription,
  acks: Map<ModelStream, number>,
): { stream: ModelStream; ack: RequestedAck } | undefined {
  const [stream] = acks.keys();
  if (stream === undefined) return undefined;
  acks.delete(stream);
  const { low } = subscription.ackedOf(stream);
  const isLower = low > 0 && world.subscriptions.random.chance(0.5);
  return { stream, ack: toRequested(stream, isLower ? low - 1 : PAST_ANY_TAIL) };
}

/** The streams of a wake, up to where they were then; of some it isn't known whether it is they. */
function acksOf(world: World, streams: readonly WakeStream[]): Map<ModelStream, Acked> {
  return new Map(streams.flatMap(({ path, streamId, tail }) => {
    const stream = world.stream(path);
    return [stream, stream?.before].flatMap((each): [ModelStream, Acked][] => {
      if (each === undefined || (each.id !== undefined && each.id !== streamId)) return [];
      return [[each, { low: each.id === undefined ? 0 : tail, high: tail }]];
    });
  }));
}

function toRequested({ name }: ModelStream, position: number): RequestedAck {
  return { path: name, offset: position, token: String(position) };
}

function describeFence({ generation, token }: Fence): string {
  return `${token.subscriptionId}/${generation}`;
}
