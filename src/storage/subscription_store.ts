import type { Bytes } from "../protocol/bytes.ts";
import type { Pattern } from "../protocol/name_pattern.ts";
import type { Offset } from "../protocol/offset.ts";
import type { TraceContext } from "../tracing/trace_context.ts";
import type { SubscriptionConfig, SubscriptionState, WakeStream } from "./subscription.ts";

/**
 * The subscriptions of a storage, kept as its streams are: every call that changes something resolves
 * when the change is durable, and every answer rests on durable state. Calls reject with a `StreamError`;
 * those that name a subscription with `subscription_not_found`.
 */
export interface SubscriptionStore {
  /** Where what signs webhooks and tokens is kept. */
  readonly secrets: SecretStore;
  /** Makes a subscription, or finds the same one there already (PROTOCOL §6.2). */
  create(name: string, spec: SubscriptionSpec): Promise<CreatedSubscription>;
  /** What it is (PROTOCOL §6.3). */
  get(name: string): Promise<SubscriptionInfo>;
  /** Some of the streams that it follows, in the order of their names. */
  links(name: string, after: string | undefined, limit: number): Promise<LinkPage>;
  /**
   * What a subscription follows, as of now; `undefined` where there is none of that name. At once where it
   * is at hand.
   */
  scope(
    name: string,
  ): SubscriptionScope | undefined | Promise<SubscriptionScope | undefined>;
  /**
   * Some of all subscriptions, in the order of their names.
   *
   * @param isShown leaves others out
   */
  list(
    after: string | undefined,
    limit: number,
    isShown?: (scope: SubscriptionScope) => boolean,
  ): Promise<SubscriptionPage>;
  /** Ends it: what is in flight acks nothing any more (PROTOCOL §6.3). */
  delete(name: string): Promise<void>;
  /** Links streams explicitly, at their tails (PROTOCOL §6.4). */
  link(name: string, paths: readonly string[]): Promise<void>;
  /** Takes an explicit link away; one that isn't there is as good. */
  unlink(name: string, path: string): Promise<void>;
  /** Takes the lease for a worker (PROTOCOL §7.2). */
  claim(name: string, worker: string): Promise<Wake>;
  /**
   * Moves cursors, and ends the lease or lets it begin anew (PROTOCOL §7.1, §7.2). All of it or nothing.
   *
   * @throws {StreamError} `fenced`, `invalid_ack`
   */
  ack(name: string, fence: Fence, acks: readonly RequestedAck[], done: boolean): Promise<Acked>;
  /** Gives the lease back; what is pending wakes later (PROTOCOL §7.2). */
  release(name: string, fence: Fence): Promise<void>;

  /**
   * What waits for its time, the next attempt or the next wake, is due now. False where nothing waits.
   */
  retry(name: string): Promise<boolean>;

  /**
   * Lets one driver follow what is to be done: `onChange` is called for a subscription that may have
   * become due. Returns what ends that, or `undefined` where there is a driver already.
   */
  attach(onChange: (id: number) => void): (() => void) | undefined;
  /** The name of a subscription, for the log. */
  nameOf(id: number): string | undefined;
  /** Where the wakes of a subscription are sent, as a URL's origin; `undefined` where they aren't. */
  endpoint(id: number): string | undefined;
  /** All subscriptions' ids, for a driver that begins. */
  ids(): number[];
  /**
   * Does what is due about a subscription: ends a lease that has run out, writes a wake event, begins a
   * webhook's wake or its next attempt. What is to be sent is durable, all else a crash may undo, which
   * the next driver does again.
   *
   * @param isLost the driver has no request under way: one that was is lost
   * @param problem why no wake may be sent or written now, so that one that is due fails and is tried again
   */
  step(id: number, isLost?: boolean, problem?: string): Promise<Step>;
  /**
   * What came of a webhook's request; nothing where the wake isn't the present one any more. It isn't
   * durable yet: a crash within milliseconds undoes it, and the wake is sent again.
   */
  delivered(id: number, wakeId: string, outcome: "done" | "accepted" | "failed"): Promise<void>;
}

/** A small file of secrets. */
export interface SecretStore {
  /** What was saved last, `undefined` if nothing ever was. */
  load(): Bytes | undefined;
  /** Replaces it, whole or not at all; resolves when it is durable. */
  save(bytes: Bytes): Promise<void>;
  /**
   * Saves the first one, or finds that somebody else has: what is there then. A store that nobody else writes
   * to has no such method.
   */
  saveFirst?(bytes: Bytes): Promise<Bytes>;
  /** Calls `onChange` with what others have saved. */
  watch?(onChange: (bytes: Bytes) => void): void;
}

/** What a subscription is to be. */
export interface SubscriptionSpec extends SubscriptionConfig {
  /** The beginning of the client's URLs. */
  readonly baseUrl: string;
}

/** What a subscription is (PROTOCOL §6.3). */
export interface SubscriptionInfo {
  readonly id: number;
  readonly name: string;
  readonly createdAtMs: number;
  readonly config: SubscriptionConfig;
  readonly baseUrl: string;
  readonly state: SubscriptionState;
  /** How many streams aren't processed up to their tails; left out where that isn't known. */
  readonly pendingStreams?: number | undefined;
}

/** What a subscription follows, and for whom. The same object until one of these changes. */
export interface SubscriptionScope {
  readonly pattern: Pattern | undefined;
  /** The streams that are linked explicitly. */
  readonly paths: ReadonlySet<string>;
  readonly wakeStream: string | undefined;
  readonly creator: string | undefined;
}

/** A create's answer. */
export interface CreatedSubscription extends SubscriptionInfo {
  /** False where the subscription was there already. */
  readonly created: boolean;
}

/** Some subscriptions. */
export interface SubscriptionPage {
  readonly subscriptions: readonly SubscriptionInfo[];
  /** What the next page comes after; `undefined` where this was the last. */
  readonly next: string | undefined;
}

/** A stream that a subscription follows. */
export interface Link {
  readonly path: string;
  readonly isExplicit: boolean;
  readonly ackedOffset: string;
}

/** Some of a subscription's links. */
export interface LinkPage {
  readonly links: readonly Link[];
  /** What the next page comes after; `undefined` where this was the last. */
  readonly next: string | undefined;
}

/** A wake that a worker has, or is to have. */
export interface Wake {
  readonly subscription: SubscriptionInfo;
  readonly streams: readonly WakeStream[];
  /** An append that it was made for, where that is traced, and no start came between. */
  readonly trace?: TraceContext | undefined;
}

/** What a worker shows to have the present wake (PROTOCOL §7.3). */
export interface Fence {
  /** What its token says. */
  readonly token: {
    readonly subscriptionId: number;
    readonly generation: number;
    readonly wakeId: string;
  };
  /** What its request says. */
  readonly generation: number;
  readonly wakeId: string;
}

/** An ack as a worker asks for it. */
export interface RequestedAck {
  readonly path: string;
  readonly offset: Offset;
  /** As it came, for messages. */
  readonly token: string;
}

/** An ack's answer. */
export interface Acked {
  /** Whether more is pending. */
  readonly nextWake: boolean;
}

/** What a driver is to do next about a subscription. */
export type Step =
  /** Send the wake. */
  | { readonly kind: "deliver"; readonly wake: Wake }
  /**
   * Come back at this time: the end of a lease, where `leasedWakeId` says of which wake. `problem` says why
   * nothing could be sent or written.
   */
  | {
    readonly kind: "wait";
    readonly untilMs: number;
    readonly leasedWakeId?: string;
    readonly problem?: string;
  }
  /** Nothing, until it changes. */
  | { readonly kind: "rest" };
