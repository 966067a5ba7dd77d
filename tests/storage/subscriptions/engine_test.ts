import { deepEqual, equal, ok } from "node:assert/strict";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import type { Admission } from "../../../src/storage/admission.ts";
import type { Journal } from "../../../src/storage/journal.ts";
import { MemorySecrets } from "../../../src/storage/memory/secrets.ts";
import { MemoryStreams } from "../../../src/storage/memory/streams.ts";
import { OffsetSpaces } from "../../../src/storage/offset_spaces.ts";
import type { LogRecord } from "../../../src/storage/records.ts";
import type { AppendRequest } from "../../../src/storage/storage.ts";
import { SubscriptionEngine } from "../../../src/storage/subscriptions/engine.ts";
import { SubscriptionRegistry } from "../../../src/storage/subscriptions/registry.ts";
import { rejectsWith } from "../../support/expect.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { configOf } from "./registry_kit.ts";

/** A journal whose records become durable when a test says so, or never. */
class SlowJournal implements Journal {
  readonly records: LogRecord[] = [];
  durableLsn = 0;
  onAppend: () => void = () => {};
  #waiting: { lsn: number; resolve: () => void; reject: (error: unknown) => void }[] = [];

  get assignedLsn(): number {
    return this.records.length;
  }

  append(record: LogRecord): number {
    this.records.push(record);
    this.onAppend();
    return this.records.length;
  }

  note(record: LogRecord): number {
    return this.append(record);
  }

  durable(lsn: number): Promise<void> | undefined {
    if (lsn <= this.durableLsn) return undefined;
    return new Promise((resolve, reject) => this.#waiting.push({ lsn, resolve, reject }));
  }

  isDurable(lsn: number): boolean {
    return lsn <= this.durableLsn;
  }

  sync(): void {
    this.durableLsn = this.records.length;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  fail(): void {
    const error = new StreamError({ code: "storage_failed" }, "The disk is gone.");
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

const SPEC = { ...configOf(), baseUrl: "http://localhost" };

class Kit {
  readonly clock = new ManualClock();
  readonly journal = new SlowJournal();
  readonly engine: SubscriptionEngine;
  readonly streams = new MemoryStreams();
  wakes = 0;
  /** What larger commands than a subscription's own wait for. */
  gate: Promise<void> | undefined;

  constructor(append: (name: string, request: AppendRequest) => Promise<never> = () => never()) {
    this.engine = new SubscriptionEngine({
      clock: this.clock,
      maxSubscriptions: 10,
      registry: new SubscriptionRegistry(),
      admission: this.#admission(),
      journal: this.journal,
      streams: this.streams,
      spaces: new OffsetSpaces("00000000", this.streams),
      secrets: new MemorySecrets(),
      append,
      newWakeId: () => `w${++this.wakes}`,
      random: () => 0.5,
    });
  }

  #admission(): Admission {
    return {
      admit: (_, bytes) => bytes > 0 ? this.gate : undefined,
      checkUnadmitted: () => {},
    };
  }

  /** A stream that got so many bytes. */
  stream(name: string, length: number, contentType = "text/plain") {
    const data: Bytes = new Uint8Array(0);
    const stream = this.streams.make({
      kind: "create",
      id: this.streams.newId(),
      atMs: this.clock.nowMs(),
      name,
      contentType,
      lifetime: { kind: "forever" },
      fork: undefined,
      closed: false,
      data,
    });
    this.streams.add(stream);
    const start = stream.tail;
    stream.tail += length;
    if (length > 0) this.engine.appended(stream, start, this.journal.assignedLsn);
    return stream;
  }

  async subscribed(name = "s", spec = SPEC): Promise<number> {
    const creating = this.engine.create(name, spec);
    await microtasks();
    this.journal.sync();
    return (await creating).id;
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}

/** Lets promises go on, but for what waits for the journal. */
async function microtasks(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  promise.then(() => isSettled = true, () => isSettled = true);
  await microtasks();
  return !isSettled;
}

Deno.test("subscription engine: what couldn't be read again at a start is never recorded", async () => {
  const kit = new Kit();
  await rejectsWith(kit.engine.create("s", { ...SPEC, pattern: "a*" }), "invalid_subscription");
  await rejectsWith(
    kit.engine.create("s", { ...SPEC, webhookUrl: "hook" }),
    "webhook_url_rejected",
  );
  deepEqual(kit.journal.records, []);
});

Deno.test("subscription engine: no answer before what it rests on is durable", async () => {
  const kit = new Kit();
  const id = await kit.subscribed();
  kit.stream("a/x", 5);
  const stepping = kit.engine.step(id);
  equal(await isPending(stepping), true, "a request before its record");
  const reading = [
    kit.engine.get("s"),
    kit.engine.links("s", undefined, 10),
    kit.engine.list(undefined, 10),
    kit.engine.create("s", SPEC),
    kit.engine.create("s", { ...SPEC, description: "other" }).catch((error: unknown) => error),
    kit.engine.link("s", ["b"]),
    kit.engine.unlink("s", "nothing"),
    kit.engine.claim("s", "w").catch((error: unknown) => error),
    kit.engine.release("s", { token: tokenOf(id, 9), generation: 9, wakeId: "w9" })
      .catch((error: unknown) => error),
  ];
  for (const each of reading) equal(await isPending(each), true);
  kit.journal.sync();
  await microtasks();
  kit.journal.sync();
  await Promise.all(reading);
  const step = await stepping;
  equal(step.kind, "deliver");
});

Deno.test("subscription engine: a wake event that waits for room comes before its wake", async () => {
  const order: string[] = [];
  const kit = new Kit(() => {
    order.push(`event behind record ${kit.journal.assignedLsn}`);
    return never();
  });
  const pull = { ...SPEC, type: "pull-wake", webhookUrl: undefined, wakeStream: "wake" } as const;
  const id = await kit.subscribed("s", pull);
  kit.stream("wake", 0, "application/json");
  kit.stream("a/x", 5);
  const room = Promise.withResolvers<void>();
  kit.gate = room.promise;
  const { assignedLsn } = kit.journal;
  void kit.engine.step(id);
  await microtasks();
  equal(kit.journal.assignedLsn, assignedLsn, "nothing is recorded before");
  kit.gate = undefined;
  room.resolve();
  await microtasks();
  deepEqual(order, [`event behind record ${assignedLsn}`]);
  equal(kit.journal.assignedLsn, assignedLsn + 1);
});

Deno.test("subscription engine: that there is none is durable before it is said", async () => {
  const kit = new Kit();
  await kit.subscribed();
  const deleting = kit.engine.delete("s");
  equal(await isPending(deleting), true);
  const asking = kit.engine.get("s").catch((error: unknown) => error);
  equal(await isPending(asking), true);
  kit.journal.sync();
  await deleting;
  const error = await asking;
  ok(error instanceof StreamError && error.code === "subscription_not_found");
});

Deno.test("subscription engine: an ack that never becomes durable is no success", async () => {
  const kit = new Kit();
  const id = await kit.subscribed();
  kit.stream("a/x", 5);
  const stepping = kit.engine.step(id);
  await microtasks();
  kit.journal.sync();
  await stepping;
  const fence = { token: tokenOf(id, 1), generation: 1, wakeId: "w1" };
  const acking = kit.engine.ack("s", fence, [{ path: "a/x", offset: 5, token: "5" }], true);
  await microtasks();
  kit.journal.fail();
  await rejectsWith(acking, "storage_failed");
});

Deno.test("subscription engine: the driver is told once, also of many changes, before what they rest on is durable", async () => {
  const kit = new Kit();
  const told: number[] = [];
  const id = await kit.subscribed();
  ok(kit.engine.attach((changed) => told.push(changed)) !== undefined);
  equal(kit.engine.attach(() => {}), undefined);
  kit.stream("a/x", 5);
  kit.stream("a/y", 5);
  deepEqual(told, [], "not within the command");
  await microtasks();
  deepEqual(told, [id]);
  equal(kit.journal.isDurable(kit.journal.assignedLsn), true);
  const link = kit.engine.link("s", ["b"]);
  await microtasks();
  deepEqual(told, [id, id]);
  kit.journal.sync();
  await link;
});

Deno.test("subscription engine: a delete that can't look up its wake stream hasn't happened", async () => {
  const kit = new Kit();
  const pull = { ...SPEC, type: "pull-wake", webhookUrl: undefined, wakeStream: "wake" } as const;
  await kit.subscribed("s", pull);
  const { find } = kit.streams;
  kit.streams.find = overloaded;
  await rejectsWith(kit.engine.delete("s"), "overloaded");
  kit.streams.find = find;
  equal((await kit.engine.get("s")).name, "s");
});

Deno.test("subscription engine: an ack that can't look up what is left is no failure", async () => {
  const kit = new Kit();
  const pull = { ...SPEC, type: "pull-wake", webhookUrl: undefined, wakeStream: "wake" } as const;
  const id = await kit.subscribed("s", pull);
  kit.stream("a/x", 5);
  kit.stream("a/y", 5);
  const claiming = kit.engine.claim("s", "worker");
  await microtasks();
  kit.journal.sync();
  await claiming;
  const fence = { token: tokenOf(id, 1), generation: 1, wakeId: "w1" };
  const { summary } = kit.streams;
  kit.journal.onAppend = () => kit.streams.summary = overloaded;
  const acking = kit.engine.ack("s", fence, [{ path: "a/x", offset: 5, token: "5" }], false);
  await microtasks();
  kit.streams.summary = summary;
  kit.journal.sync();
  deepEqual(await acking, { nextWake: true });
});

function overloaded(): never {
  throw new StreamError({ code: "overloaded" }, "Too many files are open.");
}

Deno.test("subscription engine: a wake event that is refused makes it failed, and comes again later", async () => {
  const refusal = new StreamError({ code: "storage_full" }, "There is no room.");
  const kit = new Kit(() => Promise.reject(refusal));
  const pull = { ...SPEC, type: "pull-wake", webhookUrl: undefined, wakeStream: "wake" } as const;
  const id = await kit.subscribed("s", pull);
  kit.stream("wake", 0, "application/json");
  kit.stream("a/x", 5);
  const stepping = kit.engine.step(id);
  await microtasks();
  kit.journal.sync();
  await microtasks();
  kit.journal.sync();
  const step = await stepping;
  deepEqual(step, {
    kind: "wait",
    untilMs: kit.clock.nowMs() + 1000,
    problem: "There is no room.",
  });
  equal((await kit.engine.get("s")).state.failed, true);
});

function tokenOf(subscriptionId: number, generation: number) {
  return { subscriptionId, generation, wakeId: `w${generation}` };
}
