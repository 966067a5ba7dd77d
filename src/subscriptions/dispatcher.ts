import { getLogger } from "@logtape/logtape";
import type { Clock } from "../env/clock.ts";
import type { Step, SubscriptionStore, Wake } from "../storage/subscription_store.ts";
import { DueQueue } from "../storage/due_queue.ts";
import { StreamError } from "../protocol/errors.ts";
import type { DeliveryResult } from "./delivery.ts";
import { DeliverySlots } from "./delivery_slots.ts";

const logger = getLogger(["durable-streams", "subscriptions"]);

/** So many subscriptions are looked at side by side, where each look may wait for the disk. */
const STEPS_LIMIT = 256;
/** One endpoint takes at most this part of all deliveries: one that hangs slows nobody else. */
const ENDPOINT_SHARE = 1 / 4;
/** What the storage had no room or time for is tried again after this. */
const RETRY_MS = 1000;
/** Due subscriptions that are taken at once. */
const DUE_LIMIT = 1000;

/** What a {@link Dispatcher} works on. */
export interface DispatcherParts {
  readonly store: SubscriptionStore;
  readonly clock: Clock;
  /** How many webhooks may be under way at once. */
  readonly maxDeliveries: number;
  /** Why no wake of a subscription may be sent or written now; may always unless it is given. Doesn't throw. */
  problemOf?: ((id: number) => string | undefined | Promise<string | undefined>) | undefined;
  /** Sends a wake to its webhook; doesn't throw. */
  send(wake: Wake, signal: AbortSignal): Promise<DeliveryResult>;
}

/** What came of webhooks since the start, and how many are under way. */
export interface DeliveryMeasures {
  readonly done: number;
  readonly accepted: number;
  readonly failed: number;
  readonly inFlight: number;
}

/** What was wrong with a delivery, and when. */
export interface DeliveryFailure {
  readonly reason: string;
  readonly atMs: number;
}

/** A webhook's request that is under way. */
interface Delivery {
  readonly wakeId: string;
  readonly abort: AbortController;
  /** When the lease of its wake runs out. */
  leaseEndMs: number;
  cancelTimer: () => void;
}

/** What came of a wake's request. */
interface Answer {
  readonly wakeId: string;
  readonly outcome: DeliveryResult["outcome"];
}

/**
 * Does what is due about subscriptions: wakes, retries, the ends of leases. All that it knows is in the
 * storage, so that one that begins after a crash goes on where the last one was.
 */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #slots: DeliverySlots;
  readonly #due = new DueQueue();
  /** To be looked at, in this order. */
  readonly #ready = new Set<number>();
  /** Being looked at; true where they are to be looked at once more. */
  readonly #steps = new Map<number, boolean>();
  readonly #deliveries = new Map<number, Delivery>();
  /** What came of requests, until the storage knows. */
  readonly #answers = new Map<number, Answer>();
  readonly #problems = new Map<number, DeliveryFailure>();
  #detach: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  #timerMs = Infinity;
  #isStopped = false;
  readonly #outcomes = { done: 0, accepted: 0, failed: 0 };

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    const { maxDeliveries } = parts;
    const perEndpoint = Math.max(1, Math.floor(maxDeliveries * ENDPOINT_SHARE));
    this.#slots = new DeliverySlots(maxDeliveries, perEndpoint);
  }

  /** What came of webhooks since the start, and how many are under way. */
  get measures(): DeliveryMeasures {
    return { ...this.#outcomes, inFlight: this.#deliveries.size };
  }

  /** How many webhooks are under way. */
  get deliveries(): number {
    return this.#deliveries.size;
  }

  /** Why a subscription isn't delivered, as of the last attempt. */
  lastFailure(id: number): DeliveryFailure | undefined {
    return this.#problems.get(id);
  }

  /** How much it remembers: nothing where nothing is due, under way or wrong. */
  get size(): number {
    return this.#due.size + this.#ready.size + this.#steps.size + this.#deliveries.size +
      this.#slots.size + this.#answers.size + this.#problems.size;
  }

  /** Begins, unless the storage has a driver already. */
  start(): void {
    this.#detach = this.#parts.store.attach((id) => this.#look(id));
    if (this.#detach === undefined) return;
    for (const id of this.#parts.store.ids()) this.#ready.add(id);
    this.#pump();
  }

  /** Ends: requests under way are given up, and the storage's next driver sends them again. */
  stop(): void {
    this.#isStopped = true;
    this.#detach?.();
    this.#cancelTimer?.();
    for (const { abort, cancelTimer } of this.#deliveries.values()) {
      cancelTimer();
      abort.abort();
    }
    this.#deliveries.clear();
  }

  #look(id: number): void {
    if (this.#steps.has(id)) this.#steps.set(id, true);
    else this.#ready.add(id);
    this.#pump();
  }

  #pump(): void {
    for (const id of this.#ready) {
      if (this.#isStopped || this.#steps.size >= STEPS_LIMIT) return;
      this.#ready.delete(id);
      if (this.#hasRoom(id)) void this.#step(id);
    }
  }

  /** Whether a delivery may begin; where not, the subscription waits for one to end. */
  #hasRoom(id: number): boolean {
    const endpoint = this.#parts.store.endpoint(id);
    return endpoint === undefined || this.#slots.take(id, endpoint);
  }

  async #step(id: number): Promise<void> {
    this.#steps.set(id, false);
    try {
      const asked = this.#parts.problemOf?.(id);
      // Only what is asked of somebody else takes a turn.
      const problem = asked instanceof Promise ? await asked : asked;
      const isLost = !this.#deliveries.has(id) && !this.#answers.has(id);
      // Both go into one batch of the log: what was answered, and the next wake.
      const [answered, step] = await Promise.allSettled([
        this.#recordAnswer(id),
        this.#parts.store.step(id, isLost, problem),
      ]);
      if (step.status === "fulfilled") this.#follow(id, step.value);
      for (const each of [answered, step]) if (each.status === "rejected") throw each.reason;
    } catch (error) {
      if (error instanceof StreamError && error.code === "storage_closed") this.stop();
      this.#note(id, error instanceof Error ? error.message : String(error));
      this.#schedule(id, this.#parts.clock.nowMs() + RETRY_MS);
    }
    const again = this.#steps.get(id) === true;
    this.#steps.delete(id);
    if (again) this.#ready.add(id);
    else if (!this.#deliveries.has(id)) this.#freeSlot(id);
    this.#pump();
  }

  async #recordAnswer(id: number): Promise<void> {
    const answer = this.#answers.get(id);
    if (answer === undefined) return;
    await this.#parts.store.delivered(id, answer.wakeId, answer.outcome);
    this.#answers.delete(id);
  }

  #follow(id: number, step: Step): void {
    if (this.#isStopped) return;
    if (step.kind === "rest") {
      this.#problems.delete(id);
      // Nobody is left whom an answer would be for.
      if (this.#parts.store.endpoint(id) === undefined) this.#deliveries.get(id)?.abort.abort();
      return this.#due.delete(id);
    }
    if (step.kind === "deliver") {
      this.#schedule(id, step.wake.subscription.state.dueMs);
      return this.#deliver(id, step.wake);
    }
    this.#note(id, step.problem);
    const delivery = this.#deliveries.get(id);
    if (delivery !== undefined && delivery.wakeId === step.leasedWakeId) {
      delivery.leaseEndMs = step.untilMs;
    }
    this.#schedule(id, step.untilMs);
  }

  #deliver(id: number, wake: Wake): void {
    // Its wake is over, and so is whatever may still be answered.
    this.#deliveries.get(id)?.abort.abort();
    const { state } = wake.subscription;
    const delivery: Delivery = {
      wakeId: state.wakeId,
      abort: new AbortController(),
      leaseEndMs: state.dueMs,
      cancelTimer: () => {},
    };
    this.#deliveries.set(id, delivery);
    this.#limit(delivery);
    void this.#send(id, wake, delivery);
  }

  /** Ends a request whose lease is over; as long as callbacks come, it isn't. */
  #limit(delivery: Delivery): void {
    const { clock } = this.#parts;
    const leftMs = Math.max(0, delivery.leaseEndMs - clock.nowMs());
    delivery.cancelTimer = clock.setTimer(leftMs, () => {
      if (delivery.leaseEndMs > clock.nowMs()) this.#limit(delivery);
      else delivery.abort.abort();
    });
  }

  async #send(id: number, wake: Wake, delivery: Delivery): Promise<void> {
    const { outcome, problem } = await this.#parts.send(wake, delivery.abort.signal);
    delivery.cancelTimer();
    // Of a wake that is over nothing counts any more.
    if (this.#deliveries.get(id) !== delivery) return;
    this.#deliveries.delete(id);
    this.#outcomes[outcome]++;
    if (outcome === "failed") this.#note(id, problem);
    else this.#problems.delete(id);
    this.#answers.set(id, { wakeId: delivery.wakeId, outcome });
    this.#look(id);
  }

  /** Lets the next one go on that has waited for a place. */
  #freeSlot(id: number): void {
    const next = this.#slots.free(id);
    if (next !== undefined) this.#ready.add(next);
  }

  #schedule(id: number, dueMs: number): void {
    this.#due.set(id, dueMs);
    this.#arm();
  }

  #arm(): void {
    const { clock } = this.#parts;
    const { nextMs } = this.#due;
    if (nextMs >= this.#timerMs || this.#isStopped) return;
    this.#cancelTimer?.();
    this.#timerMs = nextMs;
    this.#cancelTimer = clock.setTimer(Math.max(0, nextMs - clock.nowMs()), () => {
      this.#timerMs = Infinity;
      for (const id of this.#due.take(clock.nowMs(), DUE_LIMIT)) this.#look(id);
      this.#arm();
    });
  }

  /** Says in the log what a subscription waits for, once for each cause. */
  #note(id: number, problem: string | undefined): void {
    if (problem === undefined) return;
    const isKnown = this.#problems.get(id)?.reason === problem;
    this.#problems.set(id, { reason: problem, atMs: this.#parts.clock.nowMs() });
    if (isKnown) return;
    logger.warn("Subscription {name} isn't delivered, and is tried again later: {problem}", {
      name: this.#parts.store.nameOf(id) ?? `number ${id}`,
      problem,
    });
  }
}
