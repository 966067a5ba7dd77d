import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { type FailureCode, StreamError } from "../../../src/protocol/errors.ts";
import { tokenPosition } from "../../../src/protocol/offset.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import type { Fence, Step, SubscriptionStore } from "../../../src/storage/subscription_store.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import type { ManualClock } from "../../support/manual_clock.ts";
import { storeOf } from "../../support/subscription_kit.ts";
import type { Bench } from "../../contract/model_run.ts";
import {
  type ModelSpec,
  type ModelStep,
  type ModelSubscription,
  SubscriptionModel,
} from "./model.ts";

const NAMES = ["a/x", "a/y", "b", "a/f", "wake"];
const SUBSCRIPTIONS = ["s", "t", "u"];
const SPECS: readonly ModelSpec[] = [
  { type: "webhook", pattern: "a/*", streams: [], wakeStream: undefined, leaseMs: 1000 },
  { type: "webhook", pattern: "**", streams: ["b"], wakeStream: undefined, leaseMs: 5000 },
  { type: "pull-wake", pattern: "**", streams: [], wakeStream: "wake", leaseMs: 1000 },
  {
    type: "pull-wake",
    pattern: undefined,
    streams: ["a/x", "b"],
    wakeStream: "wake",
    leaseMs: 3000,
  },
];
const OUTCOMES = ["done", "accepted", "failed"] as const;

/** What is acknowledged of a stream: so far as it was, to where the wake said, and what is refused. */
const POSITIONS = ["same", "next", "snapshot", "tail", "lower", "past"] as const;

const name = fc.constantFrom(...NAMES);
/** Mostly one that the operation means something to, if there is any. */
const subscription = fc.record({
  name: fc.constantFrom(...SUBSCRIPTIONS),
  isAimed: fc.constantFrom(true, true, true, false),
});
/** 0 is the newest wake, others are older. */
const age = fc.constantFrom(0, 0, 0, 1, 2);
/** The number is of one of the wake's streams, if there are any; `name` is any other. */
const ack = fc.record({
  number: fc.option(fc.nat(2), { nil: undefined, freq: 6 }),
  name,
  to: fc.constantFrom("next" as const, "snapshot" as const, "tail" as const, ...POSITIONS),
});
const acks = fc.array(ack, { maxLength: 3 });

const operation = fc.oneof(
  fc.record({
    kind: fc.constant("create" as const),
    name,
    length: fc.nat(3),
    json: fc.constantFrom(true, true, true, false),
  }),
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("append" as const), name }) },
  fc.record({ kind: fc.constant("close" as const), name }),
  fc.record({ kind: fc.constant("delete" as const), name }),
  fc.record({ kind: fc.constant("fork" as const), name }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("subscribe" as const),
      subscription,
      spec: fc.nat(SPECS.length - 1),
    }),
  },
  fc.record({ kind: fc.constant("unsubscribe" as const), subscription }),
  fc.record({ kind: fc.constant("link" as const), subscription, name }),
  fc.record({ kind: fc.constant("unlink" as const), subscription, name }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      subscription,
      worker: fc.constantFrom("w1", "w2"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("ack" as const),
      subscription,
      age,
      acks,
      done: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant("release" as const), subscription, age }),
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("step" as const),
      subscription,
      isLost: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("delivered" as const),
      subscription,
      age,
      outcome: fc.constantFrom(...OUTCOMES),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      ms: fc.constantFrom(1, 500, 1000, 3000, 80_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("drive" as const) }) },
  fc.record({ kind: fc.constantFrom("checkpoint" as const, "reopen" as const, "crash" as const) }),
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** What happens to the streams and subscriptions of a storage, step by step. */
export const operations: fc.Arbitrary<Operation[]> = fc.array(operation, {
  minLength: 1,
  maxLength: 60,
  size: "max",
});

const any = (name: string) => ({ name, isAimed: false });

/** What most runs begin with: streams, and a subscription of each kind. */
const PRELUDE: readonly Operation[] = [
  { kind: "create", name: "wake", length: 0, json: true },
  { kind: "create", name: "a/x", length: 1, json: false },
  { kind: "create", name: "b", length: 0, json: false },
  { kind: "subscribe", subscription: any("s"), spec: 0 },
  { kind: "subscribe", subscription: any("t"), spec: 3 },
  { kind: "append", name: "a/x" },
  { kind: "drive" },
];

/**
 * Runs operations on a storage and on the model, and compares the two after each.
 *
 * @param hasPrelude whether there are streams and subscriptions before
 */
export async function runOperations(
  open: () => Promise<Bench>,
  hasPrelude: boolean,
  others: readonly Operation[],
): Promise<void> {
  const bench = await open();
  try {
    const run = new Run(bench);
    for (const each of hasPrelude ? [...PRELUDE, ...others] : others) {
      await run.apply(each);
      await run.compare();
    }
    await run.driveToTheEnd();
  } finally {
    await bench.dispose();
  }
}

/** The id of a subscription and its wakes, newest first. */
interface Known {
  readonly id: number;
  readonly wakes: { generation: number; wakeId: string }[];
}

class Run {
  readonly #bench: Bench;
  readonly #model: SubscriptionModel;
  readonly #known = new Map<string, Known>();
  /** Subscriptions that the driver was told of. */
  readonly #told = new Set<number>();
  readonly #everWakeIds = new Set<string>();

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#model = new SubscriptionModel(bench.clock.nowMs());
    this.#attach();
  }

  get #clock(): ManualClock {
    return this.#bench.clock;
  }

  get #storage(): Storage {
    return this.#bench.storage;
  }

  get #store(): SubscriptionStore {
    return storeOf(this.#bench.storage);
  }

  async apply(operation: Operation): Promise<void> {
    this.#model.nowMs = this.#clock.nowMs();
    switch (operation.kind) {
      case "create":
      case "append":
      case "close":
      case "delete":
      case "fork":
        return await this.#changeStream(operation);
      case "subscribe":
        return await this.#subscribe(operation.subscription.name, SPECS[operation.spec] ?? never());
      case "unsubscribe": {
        const { name } = operation.subscription;
        const isThere = this.#model.subscriptions.delete(name);
        const code = isThere ? undefined : "subscription_not_found";
        return await this.#expect(this.#store.delete(name), code);
      }
      case "link":
      case "unlink":
        return await this.#changeLink(operation);
      case "claim":
        return await this.#claim(
          this.#aim(
            operation.subscription,
            (model) => model.spec.type === "pull-wake" && this.#model.pending(model).length > 0,
          ),
          operation.worker,
        );
      case "ack":
        return await this.#ack(operation);
      case "release":
        return await this.#release(this.#aim(operation.subscription, isInFlight), operation.age);
      case "step":
        return await this.#step(
          this.#aim(operation.subscription, (model) => this.#model.pending(model).length > 0),
          operation.isLost,
        );
      case "delivered":
        return await this.#delivered(operation);
      case "advance":
        this.#clock.advance(operation.ms);
        return;
      case "drive":
        return await this.#drive();
      case "checkpoint":
        return await this.#checkpoint();
      case "reopen":
      case "crash":
        await this.#bench[operation.kind]();
        return this.#attach();
    }
  }

  /** What the storage says of each subscription is what the model says. */
  async compare(): Promise<void> {
    for (let turns = 0; turns < 3; turns++) await yieldToEventLoop();
    for (const [name, model] of this.#model.subscriptions) {
      const { state } = await this.#store.get(name);
      const { phase, generation, holder, failures, failed } = state;
      deepEqual(
        { phase, generation, holder, failures, failed },
        {
          phase: model.phase,
          generation: model.generation,
          holder: model.holder,
          failures: model.failures,
          failed: model.failed,
        },
      );
      const { leastMs, mostMs } = model.due;
      ok(state.dueMs >= leastMs && state.dueMs <= mostMs, `${state.dueMs} in ${leastMs}–${mostMs}`);
      model.due = { leastMs: state.dueMs, mostMs: state.dueMs };
      const { links } = await this.#store.links(name, undefined, 100);
      const expected = new Map(
        [...model.links].map((path) => [path, { path, explicit: true, acked: 0 }]),
      );
      for (const [stream, acked] of model.cursors) {
        ok(acked <= stream.tail);
        const explicit = model.links.has(stream.name);
        expected.set(stream.name, { path: stream.name, explicit, acked });
      }
      const own = model.spec.wakeStream ?? "";
      deepEqual(
        links.filter(({ path }) => path !== own).map(({ path, isExplicit, ackedOffset }) => ({
          path,
          explicit: isExplicit,
          acked: positionIn(ackedOffset),
        })),
        [...expected.values()].filter(({ path }) => path !== own)
          .sort((one, other) => one.path < other.path ? -1 : 1),
      );
    }
  }

  /** However it stands: a driver that does only what it is told to leaves nothing undone. */
  async driveToTheEnd(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      this.#clock.advance(80_000);
      this.#model.nowMs = this.#clock.nowMs();
      // Its timers: whatever has a time that is over.
      for (const { id } of this.#known.values()) this.#told.add(id);
      await this.#drive();
    }
    for (const [name, model] of this.#model.subscriptions) {
      const isPending = this.#model.pending(model).length > 0;
      if (!isPending) ok(model.phase !== "delivering" || model.woken.length > 0, name);
      else {ok(
          model.phase !== "idle" || model.failed || model.due.mostMs > this.#clock.nowMs(),
          name,
        );}
    }
  }

  /** A driver that begins looks at all. */
  #attach(): void {
    this.#store.attach((id) => this.#told.add(id));
    for (const id of this.#store.ids()) this.#told.add(id);
  }

  /** It may leave a stream of its own. */
  async #checkpoint(): Promise<void> {
    await this.#bench.checkpoint();
    const found = await this.#storage.list({ prefix: "file-kit/", limit: 1 });
    for (const { name, tail } of found.streams) {
      if (!this.#model.streams.has(name)) this.#model.created(name, false, 0);
      const stream = this.#model.streams.get(name);
      if (stream !== undefined) stream.tail = tail;
    }
  }

  /** The first one that it means something to, or the one that was named. */
  #aim(
    { name, isAimed }: { name: string; isAimed: boolean },
    isTarget: (model: ModelSubscription) => boolean,
  ): string {
    const [target] = isAimed
      ? [...this.#model.subscriptions].filter(([, model]) => isTarget(model))
      : [];
    return target?.[0] ?? name;
  }

  async #changeStream(
    operation: Extract<Operation, { kind: "create" | "append" | "close" | "delete" | "fork" }>,
  ): Promise<void> {
    const { kind, name } = operation;
    const stream = this.#model.streams.get(name);
    if (kind === "create") {
      const json = name === "wake" && operation.json;
      const body = name === "wake" ? undefined : encodeUtf8("x".repeat(operation.length));
      const contentType = json ? "application/json" : "text/plain";
      const created = await this.#storage.create(name, { contentType, body }).catch(asStreamError);
      const isNew = !(created instanceof StreamError) && created.created;
      if (isNew) this.#model.created(name, json, created.tail);
    } else if (kind === "fork") {
      const created = await this.#storage.create("a/f", { fork: { source: name } })
        .catch(asStreamError);
      const isNew = !(created instanceof StreamError) && created.created;
      if (isNew) this.#model.created("a/f", stream?.json ?? false, created.tail);
    } else if (kind === "delete") {
      const error = await this.#storage.delete(name).catch(asStreamError);
      if (error === undefined) this.#model.deleted(name);
    } else {
      const body = encodeUtf8(kind === "close" ? "" : stream?.json ? "7" : "x");
      const contentType = stream?.json ? "application/json" : "text/plain";
      const close = kind === "close";
      const appended = await this.#storage.append(name, { contentType, body, close })
        .catch(asStreamError);
      if (appended instanceof StreamError || stream === undefined) return;
      stream.tail = appended.tail;
      stream.closed = appended.closed;
    }
  }

  async #subscribe(name: string, spec: ModelSpec): Promise<void> {
    const existing = this.#model.subscriptions.get(name);
    const creating = this.#store.create(name, {
      ...spec,
      webhookUrl: spec.type === "webhook" ? "https://worker.example/" : undefined,
      description: undefined,
      baseUrl: "",
    });
    if (existing !== undefined && existing.spec !== spec) {
      return await this.#expect(creating, "subscription_exists");
    }
    const { created, id } = await creating;
    equal(created, existing === undefined);
    if (existing !== undefined) return;
    this.#model.subscribe(name, spec);
    this.#known.set(name, { id, wakes: [] });
  }

  async #changeLink(operation: Extract<Operation, { kind: "link" | "unlink" }>): Promise<void> {
    const { kind, name: path } = operation;
    const { name } = operation.subscription;
    const model = this.#model.subscriptions.get(name);
    const changing = kind === "link"
      ? this.#store.link(name, [path])
      : this.#store.unlink(name, path);
    await this.#expect(changing, model === undefined ? "subscription_not_found" : undefined);
    if (model === undefined) return;
    if (kind === "link") this.#model.link(model, path);
    else this.#model.unlink(model, path);
  }

  async #claim(name: string, worker: string): Promise<void> {
    const model = this.#model.subscriptions.get(name);
    const claiming = this.#store.claim(name, worker);
    if (model === undefined) return await this.#expect(claiming, "subscription_not_found");
    const holder = model.holder;
    const code = this.#model.claim(model, worker);
    if (code !== undefined) {
      const error = await claiming.catch(asStreamError);
      ok(error instanceof StreamError && error.code === code, `${code}, not ${error}`);
      if (error.failure.code === "already_claimed") {
        equal(error.failure.holder, holder);
        equal(error.failure.generation, model.generation);
      }
      return;
    }
    const { subscription, streams } = await claiming;
    this.#noteWake(name, subscription.state);
    this.#compareWoken(name, streams);
  }

  async #ack(operation: Extract<Operation, { kind: "ack" }>): Promise<void> {
    const { age, done } = operation;
    const name = this.#aim(operation.subscription, isInFlight);
    const model = this.#model.subscriptions.get(name);
    const acks = operation.acks.flatMap(({ number, name, to }) => {
      const path = model?.woken[number ?? -1]?.stream.name ?? name;
      const stream = this.#model.streams.get(path);
      const acked = (stream && model?.cursors.get(stream)) ?? 0;
      const tail = stream?.tail ?? 0;
      const woken = model?.woken.find((each) => each.stream.name === path);
      const position = {
        same: acked,
        next: Math.min(acked + 1, tail),
        snapshot: woken?.tail ?? tail,
        tail,
        lower: acked - 1,
        past: tail + 1,
      }[to];
      return position < 0 ? [] : [{ path, position }];
    });
    const requested = acks.map(({ path, position }) => ({ path, offset: position, token: "" }));
    const [fence, isPresent] = this.#fence(name, age);
    const acking = this.#store.ack(name, fence, requested, done);
    if (model === undefined) return await this.#expect(acking, "subscription_not_found");
    const code = this.#model.ack(model, isPresent, acks, done);
    if (code !== undefined) return await this.#expect(acking, code);
    const { nextWake } = await acking;
    equal(nextWake, this.#model.pending(model).length > 0);
  }

  async #release(name: string, age: number): Promise<void> {
    const model = this.#model.subscriptions.get(name);
    const [fence, isPresent] = this.#fence(name, age);
    const releasing = this.#store.release(name, fence);
    if (model === undefined) return await this.#expect(releasing, "subscription_not_found");
    await this.#expect(releasing, this.#model.release(model, isPresent));
  }

  async #step(name: string, isLost: boolean): Promise<void> {
    const known = this.#known.get(name);
    if (known === undefined) return;
    const model = this.#model.subscriptions.get(name);
    const before = model && { phase: model.phase, generation: model.generation };
    const expected = model === undefined ? "rest" : this.#model.step(model, isLost);
    const step = await this.#store.step(known.id, isLost);
    if (model === undefined || before === undefined) return void equal(step.kind, "rest");
    const isHeld = before.phase === "leased" && model.phase === "leased";
    if (isHeld) equal(step.kind, "wait", "no wake while a lease is held");
    this.#compareStep(name, step, expected);
    if (expected !== "event") return;
    const { state } = await this.#store.get(name);
    if (before.generation !== model.generation) this.#noteWake(name, state);
    await this.#checkEvent(name, model.generation);
  }

  #compareStep(name: string, step: Step, expected: ModelStep): void {
    if (step.kind === "deliver") {
      const { state } = step.wake.subscription;
      ok(expected === "deliver new" || expected === "deliver again", `${expected}, not deliver`);
      const [newest] = this.#known.get(name)?.wakes ?? [];
      if (expected === "deliver new") this.#noteWake(name, state);
      else equal(state.wakeId, newest?.wakeId, "the same wake");
      return this.#compareWoken(name, step.wake.streams);
    }
    equal(step.kind, expected === "rest" ? "rest" : "wait");
    if (step.kind === "wait") equal(step.problem !== undefined, expected === "no event");
  }

  async #checkEvent(name: string, generation: number): Promise<void> {
    const { data, tail } = await this.#storage.read("wake", 0, 1e6);
    const events = JSON.parse(`[${new TextDecoder().decode(data).replace(/,\s*$/, "")}]`);
    const event = events.at(-1);
    equal(event.subscription_id, name);
    equal(event.generation, generation);
    const stream = this.#model.streams.get("wake");
    ok(stream !== undefined);
    stream.tail = tail;
  }

  async #delivered(operation: Extract<Operation, { kind: "delivered" }>): Promise<void> {
    const { age, outcome } = operation;
    const name = this.#aim(operation.subscription, ({ phase }) => phase === "delivering");
    const known = this.#known.get(name);
    const model = this.#model.subscriptions.get(name);
    // Only a webhook's wakes are delivered.
    if (known === undefined || (model !== undefined && model.spec.type !== "webhook")) return;
    const wakeId = known.wakes[age]?.wakeId ?? "w_other";
    await this.#store.delivered(known.id, wakeId, outcome);
    if (model !== undefined) {
      this.#model.delivered(model, wakeId === known.wakes[0]?.wakeId, outcome);
    }
  }

  async #drive(): Promise<void> {
    for (let round = 0; round < 20; round++) {
      for (let turns = 0; turns < 3; turns++) await yieldToEventLoop();
      const names = [...this.#known].filter(([, { id }]) => this.#told.has(id));
      this.#told.clear();
      if (names.length === 0) break;
      for (const [name] of names) await this.#step(name, false);
    }
    await this.compare();
    // What is due and wasn't told of would never be woken.
    for (const [name, model] of this.#model.subscriptions) {
      const isDue = model.phase === "idle" && model.due.mostMs === 0;
      ok(!isDue || this.#model.pending(model).length === 0, `${name} was told of`);
    }
  }

  #noteWake(name: string, { generation, wakeId }: { generation: number; wakeId: string }): void {
    const wakes = this.#known.get(name)?.wakes ?? [];
    const [newest] = wakes;
    if (newest?.wakeId === wakeId) {
      equal(generation, newest.generation);
      return;
    }
    ok(generation === (newest?.generation ?? 0) + 1, "the generation grows by one with each wake");
    ok(!this.#everWakeIds.has(wakeId));
    this.#everWakeIds.add(wakeId);
    wakes.unshift({ generation, wakeId });
  }

  #compareWoken(
    name: string,
    streams: readonly { path: string; acked: number; tail: number; isExplicit: boolean }[],
  ): void {
    const woken = this.#model.subscriptions.get(name)?.woken ?? [];
    const byPath = (one: { path: string }, other: { path: string }) =>
      one.path < other.path ? -1 : 1;
    deepEqual(
      streams.map(({ path, acked, tail }) => ({ path, acked, tail })).sort(byPath),
      woken.map(({ stream, acked, tail }) => ({ path: stream.name, acked, tail })).sort(byPath),
    );
    notEqual(streams.length, 0, "no wake without pending work");
  }

  /** A fence of the newest wake or an older one, and whether it is the newest. */
  #fence(name: string, age: number): [Fence, boolean] {
    const known = this.#known.get(name);
    const wake = known?.wakes[age] ?? { generation: 0, wakeId: "w_other" };
    const fence = { token: { subscriptionId: known?.id ?? 0, ...wake }, ...wake };
    return [fence, wake.wakeId === known?.wakes[0]?.wakeId];
  }

  async #expect(call: Promise<unknown>, code: FailureCode | undefined): Promise<void> {
    const error = await call.then(() => undefined, asStreamError);
    equal(error instanceof StreamError ? error.code : undefined, code);
  }
}

function isInFlight({ phase }: ModelSubscription): boolean {
  return phase !== "idle";
}

function asStreamError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  throw error;
}

function positionIn(token: string): number {
  return token === "-1" ? 0 : tokenPosition(token) ?? never();
}

function never(): never {
  throw new Error("That can't be.");
}
