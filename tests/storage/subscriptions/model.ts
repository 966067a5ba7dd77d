import { ok } from "node:assert/strict";
import type { FailureCode } from "../../../src/protocol/errors.ts";
import { matchesModel } from "./pattern_kit.ts";

/** A stream as the model has it; one that is made again is another. */
export interface ModelStream {
  readonly name: string;
  readonly json: boolean;
  tail: number;
  closed: boolean;
}

/** What a subscription is made with. */
export interface ModelSpec {
  readonly type: "webhook" | "pull-wake";
  readonly pattern: string | undefined;
  readonly streams: readonly string[];
  readonly wakeStream: string | undefined;
  readonly leaseMs: number;
}

/** When something is due: at a time, or somewhere in a range, since waits are jittered. */
export interface Due {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** A stream of a wake. */
export interface ModelWoken {
  readonly stream: ModelStream;
  readonly acked: number;
  readonly tail: number;
}

/** A subscription, with a cursor for every stream that it follows. */
export interface ModelSubscription {
  readonly spec: ModelSpec;
  readonly links: Set<string>;
  readonly cursors: Map<ModelStream, number>;
  phase: "idle" | "delivering" | "waiting" | "leased";
  generation: number;
  wakeAtMs: number;
  holder: string;
  due: Due;
  failures: number;
  failed: boolean;
  woken: readonly ModelWoken[];
}

/** An ack, as the model takes it. */
export interface ModelAck {
  readonly path: string;
  readonly position: number;
}

/** What a step comes to. */
export type ModelStep = "rest" | "wait" | "deliver new" | "deliver again" | "event" | "no event";

/** The subscriptions of a storage, in the simplest way that the protocol allows. */
export class SubscriptionModel {
  readonly streams = new Map<string, ModelStream>();
  readonly subscriptions = new Map<string, ModelSubscription>();
  nowMs: number;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  created(name: string, json: boolean, tail: number, closed = false): void {
    const stream = { name, json, tail, closed };
    this.streams.set(name, stream);
    for (const each of this.subscriptions.values()) {
      if (follows(each, name)) each.cursors.set(stream, 0);
    }
  }

  deleted(name: string): void {
    const stream = this.streams.get(name);
    if (stream === undefined) return;
    this.streams.delete(name);
    for (const { cursors } of this.subscriptions.values()) cursors.delete(stream);
  }

  subscribe(name: string, spec: ModelSpec): void {
    const subscription: ModelSubscription = {
      spec,
      links: new Set(spec.streams),
      cursors: new Map(),
      phase: "idle",
      generation: 0,
      wakeAtMs: 0,
      holder: "",
      due: at(0),
      failures: 0,
      failed: false,
      woken: [],
    };
    for (const stream of this.streams.values()) {
      if (follows(subscription, stream.name)) subscription.cursors.set(stream, stream.tail);
    }
    this.subscriptions.set(name, subscription);
  }

  link(subscription: ModelSubscription, path: string): void {
    const stream = this.streams.get(path);
    const isNew = stream !== undefined && !follows(subscription, path);
    subscription.links.add(path);
    if (isNew && follows(subscription, path)) subscription.cursors.set(stream, stream.tail);
  }

  unlink(subscription: ModelSubscription, path: string): void {
    subscription.links.delete(path);
    const stream = this.streams.get(path);
    if (stream !== undefined && !follows(subscription, path)) subscription.cursors.delete(stream);
  }

  /** What isn't processed, in no order. */
  pending({ cursors, links }: ModelSubscription): ModelWoken[] {
    const wakeStreams = new Set(
      [...this.subscriptions.values()].map(({ spec }) => spec.wakeStream),
    );
    return [...cursors].flatMap(([stream, acked]) => {
      const isPending = acked < stream.tail &&
        (links.has(stream.name) || !wakeStreams.has(stream.name));
      return isPending ? [{ stream, acked, tail: stream.tail }] : [];
    });
  }

  endLease(subscription: ModelSubscription): void {
    const { phase, due } = subscription;
    if ((phase !== "delivering" && phase !== "leased") || due.mostMs > this.nowMs) return;
    this.#backOff(subscription, phase === "delivering" || subscription.failed);
  }

  claim(subscription: ModelSubscription, worker: string): FailureCode | undefined {
    this.endLease(subscription);
    if (subscription.spec.type === "webhook") return "invalid_subscription";
    if (subscription.phase === "leased") return "already_claimed";
    const pending = this.pending(subscription);
    if (pending.length === 0) return "no_pending_work";
    if (subscription.phase !== "waiting") this.#begin(subscription);
    subscription.phase = "leased";
    subscription.holder = worker;
    subscription.failed = false;
    subscription.due = at(this.nowMs + subscription.spec.leaseMs);
    subscription.woken = pending;
    return undefined;
  }

  /** @param isPresent whether it names the newest wake */
  ack(
    subscription: ModelSubscription,
    isPresent: boolean,
    acks: readonly ModelAck[],
    done: boolean,
  ): FailureCode | undefined {
    this.endLease(subscription);
    if (!isPresent || subscription.phase === "idle") return "fenced";
    const moves: [ModelStream, number][] = [];
    for (const { path, position } of acks) {
      const stream = this.streams.get(path);
      const woken = subscription.woken.find((each) => each.stream.name === path);
      const acked = stream && subscription.cursors.get(stream);
      if (woken !== undefined && (woken.stream !== stream || acked === undefined)) continue;
      if (stream === undefined || acked === undefined) return "invalid_ack";
      if (position < acked || position > stream.tail) return "invalid_ack";
      moves.push([stream, position]);
    }
    const hasMoved = this.#move(subscription, moves);
    if (!done) {
      subscription.phase = "leased";
      subscription.due = at(this.nowMs + subscription.spec.leaseMs);
      subscription.failed = false;
      if (hasMoved) subscription.failures = 0;
    } else if (hasMoved || this.pending(subscription).length === 0) this.#finish(subscription);
    else this.#backOff(subscription, false);
    return undefined;
  }

  release(subscription: ModelSubscription, isPresent: boolean): FailureCode | undefined {
    this.endLease(subscription);
    if (!isPresent || subscription.phase === "idle") return "fenced";
    if (this.pending(subscription).length === 0) this.#finish(subscription);
    else this.#backOff(subscription, false);
    return undefined;
  }

  delivered(
    subscription: ModelSubscription,
    isPresent: boolean,
    outcome: "done" | "accepted" | "failed",
  ): void {
    this.endLease(subscription);
    if (!isPresent || subscription.phase === "idle") return;
    if (outcome === "done") {
      this.#move(subscription, subscription.woken.map(({ stream, tail }) => [stream, tail]));
      this.#finish(subscription);
    } else if (subscription.phase === "delivering") {
      subscription.failed = outcome === "failed";
      if (outcome === "accepted") subscription.phase = "leased";
      else {
        this.#backOff(subscription, true);
        subscription.phase = "waiting";
      }
    }
  }

  step(subscription: ModelSubscription, isLost: boolean): ModelStep {
    this.endLease(subscription);
    const { phase, spec } = subscription;
    if (phase === "delivering" && isLost) return this.#attempt(subscription, false);
    if (phase === "delivering" || phase === "leased") return "wait";
    if (this.pending(subscription).length === 0) {
      if (phase === "waiting" || subscription.failed) this.#finish(subscription);
      return "rest";
    }
    const stream = spec.wakeStream === undefined ? undefined : this.streams.get(spec.wakeStream);
    const takesEvents = stream !== undefined && stream.json && !stream.closed;
    const isMended = spec.type === "pull-wake" && takesEvents && subscription.failed;
    if (subscription.due.mostMs > this.nowMs && !isMended) return "wait";
    if (spec.type === "webhook") return this.#attempt(subscription, phase === "idle");
    if (!takesEvents) {
      this.#backOff(subscription, true);
      subscription.phase = phase;
      return "no event";
    }
    subscription.failed = false;
    if (phase === "idle") {
      this.#begin(subscription);
      subscription.phase = "waiting";
      subscription.due = at(this.nowMs + spec.leaseMs);
      return "event";
    }
    const longestMs = Math.max(spec.leaseMs, 60_000);
    const waitedMs = this.nowMs - subscription.wakeAtMs;
    subscription.due = at(
      this.nowMs + Math.min(longestMs, Math.max(spec.leaseMs, waitedMs)),
    );
    return "event";
  }

  #attempt(subscription: ModelSubscription, isNew: boolean): ModelStep {
    if (isNew) {
      this.#begin(subscription);
      subscription.woken = this.pending(subscription);
    }
    subscription.phase = "delivering";
    subscription.due = at(this.nowMs + subscription.spec.leaseMs);
    return isNew ? "deliver new" : "deliver again";
  }

  #begin(subscription: ModelSubscription): void {
    subscription.generation++;
    subscription.wakeAtMs = this.nowMs;
    subscription.woken = [];
  }

  #move(subscription: ModelSubscription, moves: readonly [ModelStream, number][]): boolean {
    let hasMoved = false;
    for (const [stream, position] of moves) {
      const acked = subscription.cursors.get(stream);
      if (acked === undefined || position <= acked) continue;
      ok(position <= stream.tail);
      subscription.cursors.set(stream, position);
      hasMoved = true;
    }
    return hasMoved;
  }

  #finish(subscription: ModelSubscription): void {
    subscription.phase = "idle";
    subscription.holder = "";
    subscription.due = at(0);
    subscription.failures = 0;
    subscription.failed = false;
    subscription.woken = [];
  }

  #backOff(subscription: ModelSubscription, failed: boolean): void {
    const wholeMs = Math.min(60_000, 1000 * 2 ** subscription.failures);
    subscription.phase = "idle";
    subscription.holder = "";
    subscription.failures++;
    subscription.failed = failed;
    subscription.due = {
      leastMs: this.nowMs + 0.8 * wholeMs,
      mostMs: this.nowMs + 1.2 * wholeMs,
    };
  }
}

/** Whether a subscription follows a stream of this name. */
export function follows({ spec, links }: ModelSubscription, name: string): boolean {
  if (name === spec.wakeStream) return false;
  return links.has(name) || (spec.pattern !== undefined && matchesModel(spec.pattern, name));
}

function at(ms: number): Due {
  return { leastMs: ms, mostMs: ms };
}
