import type { ModelStream } from "../model.ts";
import type { World } from "../world.ts";
import type { ModelSubscription } from "./model.ts";

/** What is known of something that either is or isn't. */
export type Certainty = "yes" | "no" | "maybe";

/** What of a subscription's streams is pending at one moment, as far as that is known. */
export interface PendingView {
  /** The streams that have something pending for certain, with their least tails. */
  readonly certain: ReadonlyMap<ModelStream, number>;
  /** Whether any other may have. */
  readonly isMore: boolean;
  readonly streams: ReadonlyMap<string, NameView>;
}

/** What a name stands for, whether that is there for certain, and how much was sent to it. */
interface NameView {
  readonly stream: ModelStream | undefined;
  readonly isSteady: boolean;
  readonly ops: number;
}

/** What is pending now. */
export function pendingNow(world: World, subscription: ModelSubscription): PendingView {
  const certain = new Map<ModelStream, number>();
  const streams = new Map<string, NameView>();
  // The wake streams of others match it, and wake it where nobody has them as such any more.
  let isMore = subscription.config.pattern === "**";
  for (const name of world.names.filter((each) => subscription.follows(each))) {
    const stream = world.stream(name);
    const steady = stream !== undefined && isSteady(world, stream);
    streams.set(name, { stream, isSteady: steady, ops: stream?.ops.length ?? 0 });
    if (stream === undefined) continue;
    const { low, high } = subscription.ackedOf(stream);
    if (steady && stream.tail > high) certain.set(stream, stream.tail);
    else isMore ||= stream.lifecycle === "creating" || mayBePending(world, stream, low);
  }
  return { certain, isMore, streams };
}

/** The streams that were pending all the time between two moments. */
export function pendingAllAlong(before: PendingView, after: PendingView): ModelStream[] {
  return [...before.certain.keys()].filter((stream) => after.certain.has(stream));
}

/** Whether anything was pending from a moment on until now. */
export function pendingSince(
  world: World,
  subscription: ModelSubscription,
  before: PendingView,
): Certainty {
  const now = pendingNow(world, subscription);
  if (pendingAllAlong(before, now).length > 0) return "yes";
  return wasNothingPending(before, now) ? "no" : "maybe";
}

function wasNothingPending(before: PendingView, after: PendingView): boolean {
  if ([before, after].some(({ certain, isMore }) => isMore || certain.size > 0)) return false;
  return [...before.streams].every(([name, { stream, ops }]) => {
    const now = after.streams.get(name);
    return now?.stream === stream && now?.ops === ops;
  });
}

/** Whether a stream is there for certain, and to stay for now. */
export function isSteady(world: World, stream: ModelStream): boolean {
  return stream.lifecycle === "there" && stream.liveness(world.nowMs) === "alive";
}

function mayBePending(world: World, stream: ModelStream, low: number): boolean {
  if (stream.lifecycle === "ended" || stream.liveness(world.nowMs) === "over") return false;
  const isOpen = stream.ops.some(({ outcome, payload }) =>
    outcome === "unknown" && payload.stored.length > 0
  );
  return isOpen || stream.tail > low;
}
