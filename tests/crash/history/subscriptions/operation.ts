import { StreamError } from "../../../../src/protocol/errors.ts";
import type { SubscriptionState } from "../../../../src/storage/subscription.ts";
import type { SubscriptionInfo } from "../../../../src/storage/subscription_store.ts";
import type { ModelStream } from "../model.ts";
import { isShortageCode, type Session } from "../session.ts";
import { expect } from "../violation.ts";
import type { World } from "../world.ts";
import { exactly, type Expected, fits, type Span, withLeaseEnded } from "./expected.ts";
import type { Acked, Flight, ModelSubscription, Possibility } from "./model.ts";

/** Something that is asked of a subscription which is there. */
export interface Operation<T> {
  readonly what: string;
  call(): Promise<T>;
  /** Whether an answer says that what it did is durable; where not, only what is read behind it does. */
  isDurable?(result: T): boolean;
  /** Whether a lease that has run out is taken away before anything is decided. */
  readonly looksAtLease: boolean;
  /** What it may make of a state; nothing where it has to be refused then. */
  after(base: Expected, now: Span): Possibility[];
  readonly acks?: ReadonlyMap<ModelStream, Acked>;
  readonly follows?: ReadonlyMap<ModelStream, Acked>;
  readonly links?: ReadonlySet<string>;
  readonly relinked?: readonly string[];
  /** Called with the state that it has left, also where it was never answered. */
  settled?(state: SubscriptionState): void;
  /** Checks its answer; the state is what the answer left by then. */
  done(result: T): void;
  /** Whether a refusal is right, where the state was one of these. */
  mayRefuse(code: string, bases: readonly Expected[]): boolean;
}

type Observed<T> =
  | { readonly result: T; readonly info: SubscriptionInfo; readonly atMs: number }
  | { readonly error: StreamError; readonly info: SubscriptionInfo; readonly atMs: number };

/** Asks for it, and judges what came of it when that is known. Until then nothing else is asked. */
export function run<T>(
  session: Session,
  subscription: ModelSubscription,
  operation: Operation<T>,
): void {
  const { world } = session;
  const { name, state } = subscription;
  const bases = (now: Span) =>
    operation.looksAtLease ? withLeaseEnded(state, now) : [exactly(state)];
  const flight: Flight = {
    what: operation.what,
    startedMs: world.nowMs,
    isDecided: false,
    after: (now) => bases(now).flatMap((base) => operation.after(base, now)),
    acks: operation.acks ?? new Map(),
    follows: operation.follows ?? new Map(),
    links: operation.links ?? subscription.links,
    relinked: operation.relinked ?? [],
    settled: (state) => operation.settled?.(state),
  };
  subscription.flight = flight;
  world.note(`${name}: ${operation.what}`);
  session.ask(observe(session, subscription, flight, operation), {
    done: (observed) => {
      const now = { from: flight.startedMs, to: observed.atMs };
      const { info } = observed;
      world.note(
        `  ${name}: ${"error" in observed ? observed.error.code : "done"}, ${
          JSON.stringify(info.state)
        }`,
      );
      subscription.flight = undefined;
      if ("error" in observed) {
        const { code, message } = observed.error;
        const at = `${name}: ${operation.what} at ${JSON.stringify(state)}`;
        expect(operation.mayRefuse(code, bases(now)), `${at} is refused: ${message}`);
        const unchanged = bases(now).map((each) => ({ state: each, hasHappened: false }));
        return settle(world, subscription, flight, info, unchanged);
      }
      settle(world, subscription, flight, info, flight.after(now));
      operation.done(observed.result);
    },
    refused: ({ code, message }) => {
      world.note(`  ${name}: ${code}`);
      expect(isShortageCode(code) && session.isFaulty, `${name}: ${operation.what}: ${message}`);
      if (flight.isDecided) return;
      const now = { from: flight.startedMs, to: world.nowMs };
      const mayBeOver = operation.looksAtLease &&
        withLeaseEnded(state, now).some(({ phase }) => phase !== state.phase);
      // That a lease has run out may have been recorded before it was refused, and no more than that.
      subscription.flight = mayBeOver ? { ...flight, after: () => [], endedMs: now.to } : undefined;
    },
    unknown: () => world.note(`  ${name}: unknown`),
  });
}

/** The answer, and what the subscription is then. */
async function observe<T>(
  session: Session,
  subscription: ModelSubscription,
  flight: Flight,
  operation: Operation<T>,
): Promise<Observed<T>> {
  const { subscriptions, world } = session;
  const { name } = subscription;
  let result: T;
  try {
    result = await operation.call();
  } catch (error) {
    if (!(error instanceof StreamError) || !isDecision(error.code)) throw error;
    const atMs = world.nowMs;
    return { error, info: await subscriptions.get(name), atMs };
  }
  // An answer after the process's end was never given.
  if (!session.isOver && (operation.isDurable?.(result) ?? true)) flight.isDecided = true;
  const atMs = world.nowMs;
  const info = await subscriptions.get(name);
  if (!session.isOver) flight.isDecided = true;
  return { result, info, atMs };
}

function isDecision(code: string): boolean {
  return !isShortageCode(code) && code !== "storage_failed" && code !== "storage_closed";
}

/** The subscription is what it was found to be, which has to be one of these. */
function settle(
  world: World,
  subscription: ModelSubscription,
  flight: Flight,
  { state }: SubscriptionInfo,
  possible: readonly Possibility[],
): void {
  const { name, state: { wakeId } } = subscription;
  const found = possible.find((each) => fits(each.state, state, wakeId));
  expect(
    found !== undefined,
    `${name}: after ${flight.what} at ${world.nowMs} it was ${
      JSON.stringify(subscription.state)
    } and is ${JSON.stringify(state)}, not ${JSON.stringify(possible)}`,
  );
  subscription.state = state;
  if (!found.hasHappened) return;
  subscription.take(flight);
  followLate(world, subscription, flight.relinked);
  flight.settled?.(state);
}

/** Streams that came while it was open whether they are followed: nobody knows which was first. */
export function followLate(
  world: World,
  subscription: ModelSubscription,
  names: readonly string[],
): void {
  for (const stream of streamsOf(world, names)) {
    if (!subscription.acked.has(stream)) subscription.acked.set(stream, { low: 0, high: Infinity });
  }
}

/** Streams that are followed from now on: what they have by then counts as processed. */
export function followNow(world: World, names: readonly string[]): Map<ModelStream, Acked> {
  return new Map(
    streamsOf(world, names).map((stream) => {
      const low = stream.lifecycle === "there" ? stream.tail : 0;
      return [stream, { low, high: Infinity }];
    }),
  );
}

function streamsOf(world: World, names: readonly string[]): ModelStream[] {
  return names.flatMap((name) => {
    const stream = world.stream(name);
    return [stream, stream?.before].flatMap((each) =>
      each === undefined || each.lifecycle === "ended" ? [] : each
    );
  });
}
