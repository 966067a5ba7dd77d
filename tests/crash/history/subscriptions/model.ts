import {
  NEW_SUBSCRIPTION,
  type SubscriptionConfig,
  type SubscriptionState,
  type WakeStream,
} from "../../../../src/storage/subscription.ts";
import type { Fence } from "../../../../src/storage/subscription_store.ts";
import type { Random } from "../../../support/random.ts";
import type { ModelStream } from "../model.ts";
import type { Expected, Span } from "./expected.ts";
import { matchesPattern } from "./matches_pattern.ts";

/** Up to where a stream is processed, as far as that is known: no less than `low` and no more than `high`. */
export interface Acked {
  readonly low: number;
  readonly high: number;
}

/** What an operation may have made of a subscription. */
export interface Possibility {
  readonly state: Expected;
  /** Whether the operation's cursors and links have changed with it. */
  readonly hasHappened: boolean;
}

/** An operation whose answer is still to come. */
export interface Flight {
  readonly what: string;
  readonly startedMs: number;
  /** Whether it was answered: it has happened for certain. */
  isDecided: boolean;
  /** When the process ended before it was answered. */
  endedMs?: number;
  /** What it may have made of the state, where it was decided at some time of a span. */
  after(now: Span): Possibility[];
  /** Streams that it acknowledges, and up to where. */
  readonly acks: ReadonlyMap<ModelStream, Acked>;
  /** Streams that were followed from it on. */
  readonly follows: ReadonlyMap<ModelStream, Acked>;
  /** The explicit links that it leaves. */
  readonly links: ReadonlySet<string>;
  /** Streams of these names are followed from it on, or not any more. */
  readonly relinked: readonly string[];
  /** Called once it is known what state it has left. */
  settled?(state: SubscriptionState): void;
}

/** A wake that was handed out, so that a worker may come with it. */
export interface ModelWake {
  readonly fence: Fence;
  readonly streams: readonly WakeStream[];
}

/** One subscription, from its creation to its end; the next one of the same name is another. */
export class ModelSubscription {
  readonly name: string;
  readonly config: SubscriptionConfig;
  lifecycle: "creating" | "there" | "deleting" | "ended" = "creating";
  id: number | undefined;
  state: SubscriptionState = NEW_SUBSCRIPTION;
  links: ReadonlySet<string>;
  /** Of streams that were there when it began to follow them; all others are processed up to 0. */
  readonly acked = new Map<ModelStream, Acked>();
  readonly wakes: ModelWake[] = [];
  flight: Flight | undefined;

  constructor(name: string, config: SubscriptionConfig) {
    this.name = name;
    this.config = config;
    this.links = new Set(config.streams);
  }

  /** Whether nothing is under way, so that its state is known. */
  get isIdle(): boolean {
    return this.lifecycle === "there" && this.flight === undefined;
  }

  /** Whether it follows streams of this name. */
  follows(name: string, links: ReadonlySet<string> = this.links): boolean {
    return links.has(name) || this.matches(name);
  }

  matches(name: string): boolean {
    const { pattern } = this.config;
    return pattern !== undefined && matchesPattern(pattern, name);
  }

  ackedOf(stream: ModelStream): Acked {
    return this.acked.get(stream) ?? { low: 0, high: 0 };
  }

  /** What an operation has changed, but for the state. */
  take({ acks, follows, links, relinked }: Flight): void {
    for (const stream of [...this.acked.keys()]) {
      const isAnew = relinked.includes(stream.name) && !this.matches(stream.name);
      if (isAnew) this.acked.delete(stream);
    }
    for (const [stream, acked] of follows) this.acked.set(stream, acked);
    this.links = links;
    for (const [stream, to] of acks) {
      const { low, high } = this.ackedOf(stream);
      this.acked.set(stream, { low: Math.max(low, to.low), high: Math.max(high, to.high) });
    }
  }
}

/** The subscriptions of a history, and the streams that take their wakes. */
export class ModelSubscriptions {
  /** Whether there are any in this history. */
  readonly areOn: boolean;
  /** The chances of what is about them: the streams' part is what it would be without. */
  random: Random;
  /** The ids that any ever had. */
  readonly ids = new Set<number>();
  /** The newest of each name. */
  readonly byName = new Map<string, ModelSubscription>();
  readonly wakeStreams = new Map<string, WakeStreamModel>();

  constructor(areOn: boolean, random: Random) {
    this.areOn = areOn;
    this.random = random;
  }

  /** All that are there or may be. */
  all(): ModelSubscription[] {
    return [...this.byName.values()].filter(({ lifecycle }) => lifecycle !== "ended");
  }

  /** The process has ended: nothing is decided later. */
  end(nowMs: number): void {
    for (const { flight } of this.byName.values()) {
      if (flight !== undefined) flight.endedMs ??= nowMs;
    }
  }

  wakeStream(name: string): WakeStreamModel {
    const found = this.wakeStreams.get(name) ?? { status: "missing", events: [], changes: 0 };
    this.wakeStreams.set(name, found);
    return found;
  }
}

/** A stream that takes wakes, as far as it is known. */
export interface WakeStreamModel {
  status: "there" | "missing" | "unknown";
  /** Begins of events that it holds for certain. */
  events: RegExp[];
  changes: number;
}
