import { type Bytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { SubscriptionMeasures } from "../../measures.ts";
import type {
  Acked,
  CreatedSubscription,
  Fence,
  LinkPage,
  RequestedAck,
  Step,
  SubscriptionInfo,
  SubscriptionPage,
  SubscriptionScope,
  SubscriptionSpec,
  SubscriptionStore,
  Wake,
} from "../../subscription_store.ts";
import { toStreamError, unreachable } from "../cluster/unreachable.ts";
import { JetStreamError } from "../jetstream.ts";
import { failureJson } from "./call_errors.ts";
import {
  answerCall,
  type Call,
  decodeCall,
  encodeCall,
  NOT_OWNER,
  readAcked,
  readAnswer,
  readCreated,
  readFlag,
  readLinkPage,
  readNothing,
  readPage,
  readScope,
  readWake,
  toInfo,
} from "./calls.ts";
import type { NatsSecrets } from "./nats_secrets.ts";
import type { OwnedSubscriptions } from "./owned_subscriptions.ts";
import { LEASE_TICK_MS } from "./owner_lease.ts";
import { Ownership, type OwnershipParts } from "./ownership.ts";

const CALL_TIMEOUT_MS = 5000;
/** So often is the owner looked for by one call. */
const MOST_OWNERS = 3;
/** Secrets that others have changed are looked for at each so many-th tick. */
const SECRET_TICKS = 3;
/** So many links are asked of another front end at once: of the longest names they fit into a message. */
const ASKED_LINKS = 500;
const REST: Step = { kind: "rest" };
const NOBODY: SubscriptionMeasures = {
  webhook: 0,
  pullWake: 0,
  pending: 0,
  pendingStreams: 0,
  failing: 0,
  lagSeconds: 0,
};

/** What {@link NatsSubscriptions} work on. */
export interface NatsSubscriptionsParts extends Omit<OwnershipParts, "onChange"> {
  readonly secrets: NatsSecrets;
}

/**
 * The subscriptions as one front end has them: one of all owns them, and the others ask it. Who calls may be
 * told that nobody can be asked now; what was asked for may have been done nevertheless, and an ack that is
 * repeated does no harm.
 */
export class NatsSubscriptions implements SubscriptionStore {
  readonly secrets: NatsSecrets;
  readonly #parts: NatsSubscriptionsParts;
  readonly #ownership: Ownership;
  #onChange: ((id: number) => void) | undefined;
  #isStarted = false;
  #isStopped = false;
  #ticks = 0;
  #cancelTimer: (() => void) | undefined;
  #endServing: (() => void) | undefined;

  constructor(parts: NatsSubscriptionsParts) {
    this.#parts = parts;
    this.secrets = parts.secrets;
    this.#ownership = new Ownership({ ...parts, onChange: (id) => this.#onChange?.(id) });
  }

  create(name: string, spec: SubscriptionSpec): Promise<CreatedSubscription> {
    return this.#run(
      { method: "create", name, spec },
      readCreated,
      (owned) => owned.create(name, spec),
    );
  }

  get(name: string): Promise<SubscriptionInfo> {
    return this.#run({ method: "get", name }, toInfo, (owned) => owned.get(name));
  }

  links(name: string, after: string | undefined, limit: number): Promise<LinkPage> {
    return this.#run(
      { method: "links", name, after, limit: Math.min(limit, ASKED_LINKS) },
      readLinkPage,
      (owned) => owned.links(name, after, limit),
    );
  }

  scope(name: string): SubscriptionScope | undefined | Promise<SubscriptionScope | undefined> {
    const { held } = this.#ownership;
    if (held !== undefined) return held.scope(name);
    return this.#run(
      { method: "scope", name },
      readScope,
      (owned) => Promise.resolve(owned.scope(name)),
    );
  }

  async list(
    after: string | undefined,
    limit: number,
    isShown?: (scope: SubscriptionScope) => boolean,
  ): Promise<SubscriptionPage> {
    if (isShown === undefined) return await this.#list(after, limit);
    const shown: SubscriptionInfo[] = [];
    let next = after;
    do {
      const page = await this.#list(next, limit);
      const scopes = await Promise.all(page.subscriptions.map(({ name }) => this.scope(name)));
      for (const [i, scope] of scopes.entries()) {
        const info = page.subscriptions[i];
        if (info === undefined || scope === undefined || !isShown(scope)) continue;
        if (shown.length === limit) return { subscriptions: shown, next: shown.at(-1)?.name };
        shown.push(info);
      }
      next = page.next;
    } while (next !== undefined);
    return { subscriptions: shown, next: undefined };
  }

  delete(name: string): Promise<void> {
    return this.#run({ method: "delete", name }, readNothing, (owned) => owned.delete(name));
  }

  link(name: string, paths: readonly string[]): Promise<void> {
    return this.#run(
      { method: "link", name, paths },
      readNothing,
      (owned) => owned.link(name, paths),
    );
  }

  unlink(name: string, path: string): Promise<void> {
    return this.#run(
      { method: "unlink", name, path },
      readNothing,
      (owned) => owned.unlink(name, path),
    );
  }

  claim(name: string, worker: string): Promise<Wake> {
    return this.#run(
      { method: "claim", name, worker },
      readWake,
      (owned) => owned.claim(name, worker),
    );
  }

  ack(
    name: string,
    fence: Fence,
    acks: readonly RequestedAck[],
    done: boolean,
  ): Promise<Acked> {
    return this.#run(
      { method: "ack", name, fence, acks, done },
      readAcked,
      (owned) => owned.ack(name, fence, acks, done),
    );
  }

  release(name: string, fence: Fence): Promise<void> {
    return this.#run(
      { method: "release", name, fence },
      readNothing,
      (owned) => owned.release(name, fence),
    );
  }

  retry(name: string): Promise<boolean> {
    return this.#run({ method: "retry", name }, readFlag, (owned) => owned.retry(name));
  }

  attach(onChange: (id: number) => void): (() => void) | undefined {
    if (this.#onChange !== undefined) return undefined;
    this.#onChange = onChange;
    this.#start();
    return () => {
      if (this.#onChange === onChange) this.#onChange = undefined;
    };
  }

  nameOf(id: number): string | undefined {
    return this.#ownership.owned?.state.engine.nameOf(id);
  }

  endpoint(id: number): string | undefined {
    return this.#ownership.owned?.state.engine.endpoint(id);
  }

  ids(): number[] {
    return this.#ownership.owned?.state.engine.ids() ?? [];
  }

  async step(id: number, isLost = false, problem?: string): Promise<Step> {
    if (this.#ownership.owned === undefined) return REST;
    const owned = await this.#held();
    return owned === undefined ? REST : await owned.step(id, isLost, problem);
  }

  async delivered(
    id: number,
    wakeId: string,
    outcome: "done" | "accepted" | "failed",
  ): Promise<void> {
    // Whoever owns them now sends the wake again, or has heard what became of it by a callback.
    await this.#ownership.owned?.delivered(id, wakeId, outcome);
  }

  /** As `StorageMeasures.subscriptions`: all of it is at their owner's. */
  measure(nowMs: number): SubscriptionMeasures {
    return this.#ownership.owned?.state.registry.measure(nowMs) ?? NOBODY;
  }

  /** Stores all subscriptions as they are, where this front end owns them. */
  async snapshot(): Promise<void> {
    await this.#ownership.snapshot();
  }

  /** Ends it; another front end may own them at once. */
  async close(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#endServing?.();
    if (this.#isStarted) await this.#ownership.stop();
  }

  #list(after: string | undefined, limit: number): Promise<SubscriptionPage> {
    return this.#run(
      { method: "list", after, limit },
      readPage,
      (owned) => owned.list(after, limit),
    );
  }

  #start(): void {
    if (this.#isStarted || this.#isStopped) return;
    this.#isStarted = true;
    const { jetStream, subjects, frontEnd } = this.#parts;
    this.#endServing = jetStream.serve(subjects.calls(frontEnd), (bytes) => this.#answer(bytes));
    this.#tick();
  }

  #tick(): void {
    if (this.#isStopped) return;
    void this.#ownership.tick();
    if (++this.#ticks % SECRET_TICKS === 0) this.secrets.refresh().catch(() => {});
    this.#cancelTimer = this.#parts.clock.setTimer(LEASE_TICK_MS, () => this.#tick());
  }

  /** The subscriptions, where this front end owns them; it takes them over where nobody does. */
  async #held(): Promise<OwnedSubscriptions | undefined> {
    if (this.#ownership.held === undefined) await this.#ownership.look();
    return this.#ownership.held;
  }

  async #run<T>(
    call: Call,
    read: (value: unknown) => T,
    local: (owned: OwnedSubscriptions) => Promise<T>,
  ): Promise<T> {
    this.#start();
    for (let tries = 0; tries < MOST_OWNERS; tries++) {
      if (this.#isStopped) {
        throw new StreamError({ code: "storage_closed" }, "The storage is closed.");
      }
      const { owner } = this.#ownership;
      if (owner === undefined || owner === this.#parts.frontEnd) {
        const owned = await this.#held();
        if (owned !== undefined) return await this.#runHere(owned, local);
        if (this.#ownership.owner === this.#parts.frontEnd) break;
      } else {
        const answer = await this.#ask(owner, call, read);
        if (answer !== undefined) return answer.result;
        await this.#ownership.look();
        if (this.#ownership.owner === owner) break;
      }
    }
    throw unreachable("no front end owns the subscriptions now.");
  }

  /** What is done here rests on this front end's owning them until it was done. */
  async #runHere<T>(
    owned: OwnedSubscriptions,
    local: (owned: OwnedSubscriptions) => Promise<T>,
  ): Promise<T> {
    const [done] = await Promise.allSettled([local(owned)]);
    if (this.#ownership.held !== owned) {
      await this.#held();
      if (this.#ownership.held !== owned) {
        throw unreachable("another front end has taken over the subscriptions.");
      }
    }
    if (done.status === "rejected") throw done.reason;
    return done.value;
  }

  /** The owner's answer; `undefined` where it isn't the owner, or isn't there. */
  async #ask<T>(
    owner: number,
    call: Call,
    read: (value: unknown) => T,
  ): Promise<{ readonly result: T } | undefined> {
    const { jetStream, subjects } = this.#parts;
    const asked = encodeCall(call);
    if (asked.length > jetStream.messageLimitBytes) {
      throw new StreamError(
        { code: "body_too_large" },
        `The request comes to ${asked.length} bytes, and the cluster takes at most ` +
          `${jetStream.messageLimitBytes} at once: link fewer streams at a time.`,
      );
    }
    try {
      const bytes = await jetStream.call(subjects.calls(owner), asked, CALL_TIMEOUT_MS);
      return readAnswer(bytes, read);
    } catch (error) {
      if (error instanceof JetStreamError && error.code === "unserved") return undefined;
      throw toStreamError(error);
    }
  }

  async #answer(bytes: Bytes): Promise<Bytes> {
    try {
      const call = decodeCall(bytes);
      const owned = this.#ownership.owned === undefined ? undefined : await this.#held();
      if (owned === undefined) return NOT_OWNER;
      const answer = await this.#runHere(owned, (owned) => answerCall(owned, call));
      if (answer.length <= this.#parts.jetStream.messageLimitBytes) return answer;
      throw new StreamError(
        { code: "overloaded" },
        `The answer has ${answer.length} bytes, more than the cluster takes at once.`,
      );
    } catch (error) {
      return encodeUtf8(JSON.stringify({ error: failureJson(error) }));
    }
  }
}
