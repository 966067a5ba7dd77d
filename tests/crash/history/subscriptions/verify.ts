import { StreamError } from "../../../../src/protocol/errors.ts";
import type { Link, SubscriptionInfo } from "../../../../src/storage/subscription_store.ts";
import type { Session } from "../session.ts";
import { expect } from "../violation.ts";
import type { World } from "../world.ts";
import { BASE_URL, SUBSCRIPTION_NAMES } from "./config.ts";
import { exactly, fits, withLeaseEnded } from "./expected.ts";
import { beginSubscription } from "./lifecycle.ts";
import { type Flight, ModelSubscription, type Possibility } from "./model.ts";
import { followLate } from "./operation.ts";
import { isSteady } from "./pending.ts";

const MORE_THAN_ALL = 1000;
const READ_LIMIT_BYTES = 1_000_000;

/**
 * Looks at all subscriptions after a start, when it is known what the streams are: what was under way when
 * the process ended has happened whole or not at all.
 */
export async function checkSubscriptions(session: Session): Promise<void> {
  const { world } = session;
  for (const name of SUBSCRIPTION_NAMES) await checkName(session, name);
  const { subscriptions } = await session.answer(
    session.subscriptions.list(undefined, MORE_THAN_ALL),
  );
  const listed = subscriptions.map(({ name }) => name).join();
  const there = world.subscriptions.all().map(({ name }) => name).sort().join();
  expect(listed === there, `the subscriptions are ${there}, and listed are ${listed}`);
  for (const name of world.subscriptions.wakeStreams.keys()) await checkWakeStream(session, name);
}

/** A look at one in between: it is what it is known to be. */
export async function lookAtSubscription(
  session: Session,
  subscription: ModelSubscription,
): Promise<void> {
  const { subscriptions, world } = session;
  const { name, state } = subscription;
  const info = await session.answer(subscriptions.get(name));
  if (!subscription.isIdle || subscription.state !== state) return;
  checkInfo(subscription, info);
  expect(fits(exactly(state), info.state, ""), differs(subscription, info));
  const steady = new Set(
    world.names.flatMap((each) => world.stream(each) ?? []).filter((each) => isSteady(world, each)),
  );
  const { links } = await session.answer(subscriptions.links(name, undefined, MORE_THAN_ALL));
  if (!subscription.isIdle || subscription.state !== state) return;
  const problem = linksProblem(world, subscription, links, (stream) => steady.has(stream));
  expect(problem === undefined, `${name}: ${problem}`);
}

/**
 * A look at one while something is under way: what is seen of that is durable, and has happened from then
 * on whatever comes.
 */
export async function peekAtSubscription(
  session: Session,
  subscription: ModelSubscription,
): Promise<void> {
  const { subscriptions, world } = session;
  const { name, flight, state } = subscription;
  if (flight === undefined || subscription.lifecycle !== "there") return;
  const { links } = await session.answer(subscriptions.links(name, undefined, MORE_THAN_ALL));
  const isMoved = links.some(({ path, ackedOffset }) => {
    const stream = world.stream(path);
    const to = stream && flight.acks.get(stream);
    if (stream === undefined || to === undefined || to.low !== to.high) return false;
    const { high } = subscription.ackedOf(stream);
    return to.low > high && positionOfToken(ackedOffset) === to.low;
  });
  if (isMoved && subscription.flight === flight) see(world, subscription, flight);
  const info = await session.answer(subscriptions.get(name));
  if (subscription.flight !== flight) return;
  const now = { from: flight.startedMs, to: world.nowMs };
  const unchanged = [exactly(state), ...withLeaseEnded(state, now)];
  if (!unchanged.some((each) => fits(each, info.state, state.wakeId))) {
    see(world, subscription, flight);
  }
}

function see(world: World, { name }: ModelSubscription, flight: Flight): void {
  world.note(`${name}: seen that ${flight.what}`);
  flight.isDecided = true;
}

async function checkName(session: Session, name: string): Promise<void> {
  const subscription = session.world.subscriptions.byName.get(name);
  const info = await find(session, name);
  if (info === undefined) {
    if (subscription === undefined) return;
    const { lifecycle, flight } = subscription;
    const mayBeGone = lifecycle === "ended" || lifecycle === "deleting" ||
      (lifecycle === "creating" && flight?.isDecided !== true);
    expect(mayBeGone, `${name}: was there, and is gone`);
    subscription.lifecycle = "ended";
    subscription.flight = undefined;
    return;
  }
  expect(
    subscription !== undefined && subscription.lifecycle !== "ended",
    `${name}: isn't there, and is found: ${JSON.stringify(info)}`,
  );
  const { links } = await session.answer(
    session.subscriptions.links(name, undefined, MORE_THAN_ALL),
  );
  if (subscription.lifecycle === "deleting") subscription.lifecycle = "there";
  if (subscription.lifecycle === "creating" && subscription.flight !== undefined) {
    beginSubscription(session, subscription, subscription.flight, info.id);
    subscription.flight = undefined;
  }
  checkInfo(subscription, info);
  resolve(session.world, subscription, info, links);
}

/** Takes what was under way for what it has come to. */
function resolve(
  world: World,
  subscription: ModelSubscription,
  info: SubscriptionInfo,
  links: readonly Link[],
): void {
  const { flight, state } = subscription;
  const possible: Possibility[] = [];
  if (flight === undefined) possible.push({ state: exactly(state), hasHappened: false });
  else {
    const now = { from: flight.startedMs, to: flight.endedMs ?? world.nowMs };
    if (!flight.isDecided) {
      for (const each of [exactly(state), ...withLeaseEnded(state, now)]) {
        possible.push({ state: each, hasHappened: false });
      }
    }
    possible.push(...flight.after(now));
  }
  const problems: (string | undefined)[] = [];
  for (const { state: expected, hasHappened } of possible) {
    if (!fits(expected, info.state, state.wakeId)) continue;
    const copy = copyOf(subscription);
    if (hasHappened && flight !== undefined) {
      copy.take(flight);
      followLate(world, copy, flight.relinked);
    }
    const problem = linksProblem(world, copy, links, (stream) => isSteady(world, stream));
    problems.push(problem);
    if (problem !== undefined) continue;
    subscription.acked.clear();
    for (const [stream, acked] of copy.acked) subscription.acked.set(stream, acked);
    subscription.links = copy.links;
    if (flight !== undefined) {
      if (hasHappened) flight.settled?.(info.state);
      world.note(`${subscription.name}: ${flight.what} has ${hasHappened ? "" : "not "}happened`);
    }
    break;
  }
  const what = flight === undefined ? "" : `, ${flight.what} ${flight.isDecided ? "done" : "open"}`;
  expect(problems.length > 0, differs(subscription, info) + what);
  expect(problems.at(-1) === undefined, `${subscription.name}: ${problems.join("; or ")}${what}`);
  subscription.state = info.state;
  subscription.flight = undefined;
}

function copyOf(subscription: ModelSubscription): ModelSubscription {
  const copy = new ModelSubscription(subscription.name, subscription.config);
  copy.links = subscription.links;
  for (const [stream, acked] of subscription.acked) copy.acked.set(stream, acked);
  return copy;
}

/** What is wrong about its links and cursors; positions that were open are known from then on. */
function linksProblem(
  world: World,
  subscription: ModelSubscription,
  links: readonly Link[],
  wasSteady: (stream: NonNullable<ReturnType<World["stream"]>>) => boolean,
): string | undefined {
  const found = new Map(links.map((each) => [each.path, each]));
  for (const name of world.names) {
    const listed = found.get(name);
    const stream = world.stream(name);
    const isExplicit = subscription.links.has(name);
    const isThere = stream !== undefined && wasSteady(stream) && isSteady(world, stream);
    const mustBeListed = isExplicit || (isThere && subscription.follows(name));
    if (listed === undefined) {
      if (mustBeListed) return `${name} isn't linked`;
      continue;
    }
    if (!subscription.follows(name)) return `${name} is linked`;
    if (listed.isExplicit !== isExplicit) return `${name} is linked in another way`;
    if (!isThere) continue;
    const acked = positionOfToken(listed.ackedOffset);
    const { low, high } = subscription.ackedOf(stream);
    if (acked < low || acked > high) return `${name} is acked at ${acked}, not ${low} to ${high}`;
    if (stream.appending === 0 && acked > stream.tail) {
      return `${name} is acked at ${acked}, and ends at ${stream.tail}`;
    }
    subscription.acked.set(stream, { low: acked, high: acked });
  }
  return undefined;
}

function positionOfToken(token: string): number {
  return token === "-1" ? 0 : Number(token.split("-")[1]);
}

function checkInfo(subscription: ModelSubscription, info: SubscriptionInfo): void {
  const { name, id, config } = subscription;
  expect(info.id === id, `${name}: its id is ${id}, and not ${info.id}`);
  expect(info.baseUrl === BASE_URL, `${name}: its base is ${info.baseUrl}`);
  subscription.createdAtMs ??= info.createdAtMs;
  const { createdAtMs } = subscription;
  expect(
    info.createdAtMs === createdAtMs,
    `${name}: was created at ${createdAtMs}, not ${info.createdAtMs}`,
  );
  const keys = Object.keys(config).sort();
  expect(
    JSON.stringify(info.config, keys) === JSON.stringify(config, keys),
    `${name}: its configuration is ${JSON.stringify(config)}, not ${JSON.stringify(info.config)}`,
  );
}

function differs({ name, state }: ModelSubscription, info: SubscriptionInfo): string {
  return `${name}: it is ${JSON.stringify(info.state)}, and was ${JSON.stringify(state)}`;
}

async function find(session: Session, name: string): Promise<SubscriptionInfo | undefined> {
  try {
    return await session.answer(session.subscriptions.get(name));
  } catch (error) {
    if (error instanceof StreamError && error.code === "subscription_not_found") return undefined;
    throw error;
  }
}

/** Every wake event that was written is there. */
async function checkWakeStream(session: Session, name: string): Promise<void> {
  const { storage, world } = session;
  const model = world.subscriptions.wakeStream(name);
  let text = "";
  try {
    for (let at = 0, tail = Infinity; at < tail;) {
      const read = await session.answer(storage.read(name, at, READ_LIMIT_BYTES));
      text += new TextDecoder().decode(read.data);
      tail = read.tail;
      at = read.next;
      if (read.data.length === 0) break;
    }
  } catch (error) {
    if (!(error instanceof StreamError) || error.code !== "not_found") throw error;
    expect(model.status !== "there", `${name} is gone`);
    model.status = "missing";
    return;
  }
  expect(model.status !== "missing", `${name} isn't there, and is found`);
  model.status = "there";
  const lost = model.events.find((event) => !event.test(text));
  expect(lost === undefined, `${name}: the wake event ${lost} is lost`);
}
