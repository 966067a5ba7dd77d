import { deepEqual, equal, ok } from "node:assert/strict";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { Wake } from "../../../../src/storage/subscription_store.ts";
import { Dispatcher } from "../../../../src/subscriptions/dispatcher.ts";
import type { DeliveryResult } from "../../../../src/subscriptions/delivery.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { QuickClock } from "../../../support/nats/quick_clock.ts";
import { subscribe } from "../../../support/subscription_kit.ts";
import { type FrontEndKit, LEASE_OVER_MS, settled, SubscriptionsKit } from "./subscriptions_kit.ts";

const TEXT = "text/plain";

/** What a front end's dispatcher has sent, and what answers it. */
interface Sent {
  readonly by: number;
  readonly wake: Wake;
  readonly signal: AbortSignal;
  answer(result: DeliveryResult): void;
}

/** Front ends whose dispatchers send to a list. */
class DeliveryKit extends SubscriptionsKit {
  readonly sent: Sent[] = [];
  readonly #dispatchers: Dispatcher[] = [];

  async start(): Promise<FrontEndKit> {
    const frontEnd = await this.open();
    const by = this.#dispatchers.length;
    const dispatcher = new Dispatcher({
      store: frontEnd.store,
      clock: this.clock,
      maxDeliveries: 10,
      send: (wake, signal) =>
        new Promise((resolve) => this.sent.push({ by, wake, signal, answer: resolve })),
    });
    this.#dispatchers.push(dispatcher);
    dispatcher.start();
    await settled();
    return frontEnd;
  }

  /** Of those that were started, the first one owns the subscriptions. */
  async startAll(count: number): Promise<readonly [FrontEndKit, FrontEndKit]> {
    const all: FrontEndKit[] = [];
    for (let i = 0; i < count; i++) all.push(await this.start());
    const [first, second] = all;
    if (first === undefined || second === undefined) throw new Error("There have to be two.");
    return [first, second];
  }

  override async dispose(): Promise<void> {
    for (const dispatcher of this.#dispatchers) dispatcher.stop();
    await super.dispose();
  }
}

async function withKit(run: (kit: DeliveryKit) => Promise<void>): Promise<void> {
  const kit = new DeliveryKit();
  try {
    await run(kit);
  } finally {
    await kit.dispose();
  }
}

function append({ storage }: FrontEndKit, name: string, text = "x"): Promise<unknown> {
  return storage.append(name, { contentType: TEXT, body: encodeUtf8(text) });
}

function fenceOf({ subscription: { id, state } }: Wake) {
  const { generation, wakeId } = state;
  return { token: { subscriptionId: id, generation, wakeId }, generation, wakeId };
}

Deno.test("subscriptions on NATS: a wake whose owner dies in the middle of its delivery is sent again by the next one", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(2);
    await first.storage.create("a", { contentType: TEXT });
    await subscribe(second.storage, "s", { pattern: "a" });
    await append(second, "a");
    await settled();
    equal(kit.sent.length, 1);
    const [lost] = kit.sent;
    equal(lost?.by, 0);
    kit.kill(first);
    await append(second, "a");
    await kit.pass(LEASE_OVER_MS);
    equal(kit.sent.length, 2);
    const again = kit.sent[1];
    equal(again?.by, 1);
    // Its lease had not run out: it is the same wake.
    equal(again?.wake.subscription.state.wakeId, lost?.wake.subscription.state.wakeId);
    again?.answer({ outcome: "done" });
    await settled();
    // What came while nobody owned the subscriptions wakes, too.
    const next = kit.sent[2];
    equal(next?.wake.subscription.state.generation, 2);
    deepEqual(next?.wake.streams.map(({ path, tail }) => [path, tail]), [["a", 2]]);
    next?.answer({ outcome: "done" });
    await settled();
    equal((await second.store.get("s")).state.phase, "idle");
    deepEqual((await second.store.links("s", undefined, 10)).links.length, 1);
  }));

Deno.test("subscriptions on NATS: an owner that was away and comes back delivers nothing, and records nothing", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(2);
    await first.storage.create("a", { contentType: TEXT, body: encodeUtf8("x") });
    await subscribe(first.storage, "s", { pattern: "a" });
    await append(second, "a");
    await settled();
    const [late] = kit.sent;
    ok(late !== undefined);
    first.jetStream.disconnect();
    await kit.pass(LEASE_OVER_MS);
    equal(kit.sent.at(-1)?.by, 1);
    equal(kit.sent.length, 2);
    first.jetStream.reconnect();
    late.answer({ outcome: "done" });
    await kit.pass(3000);
    const { state } = await first.store.get("s");
    equal(state.phase, "delivering");
    equal(state.generation, 1);
    equal(first.store.ids().length, 0);
    kit.sent[1]?.answer({ outcome: "done" });
    await settled();
    equal((await first.store.get("s")).state.phase, "idle");
  }));

Deno.test("subscriptions on NATS: a former owner's record that arrives late is refused", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(2);
    await subscribe(first.storage, "s", { pattern: "a" });
    const target = { subject: "ds.u.log", by: first.jetStream };
    kit.cluster.script.nextPublish(
      { kind: "arrives_late", after: LEASE_OVER_MS + 8000 },
      target,
    );
    for (let i = 0; i < 20; i++) kit.cluster.script.nextPublish({ kind: "message_lost" }, target);
    // It waits for what may never be stored.
    const linking = first.store.link("s", ["b"]).then(() => "linked", (error) => error.code);
    await settled(6);
    ok(kit.cluster.script.pending < 20);
    first.jetStream.disconnect();
    await kit.pass(LEASE_OVER_MS);
    await second.store.link("s", ["c"]);
    first.jetStream.reconnect();
    await kit.pass(20_000);
    equal(await linking, "storage_unreachable");
    const links = (await first.store.links("s", undefined, 10)).links;
    deepEqual(links.map(({ path }) => path), ["c"]);
  }));

Deno.test("subscriptions on NATS: what nobody owns is answered by no front end, until one does", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(2);
    await subscribe(first.storage, "s", { pattern: "a" });
    equal((await second.store.get("s")).name, "s");
    kit.kill(first);
    await rejectsWith(second.store.get("s"), "storage_unreachable");
    await kit.pass(LEASE_OVER_MS);
    equal((await second.store.get("s")).name, "s");
  }));

Deno.test("subscriptions on NATS: a front end that closes hands them over at once", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(2);
    await subscribe(first.storage, "s", { pattern: "a" });
    equal((await second.store.get("s")).name, "s");
    await kit.close(first);
    equal((await second.store.get("s")).name, "s");
    equal(second.store.ids().length, 1);
  }));

Deno.test("subscriptions on NATS: a claim through one front end is acknowledged through another, once", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(2);
    await subscribe(second.storage, "s", {
      type: "pull-wake",
      webhookUrl: undefined,
      pattern: "a",
      wakeStream: "wake",
    });
    await first.storage.create("a", { contentType: TEXT, body: encodeUtf8("x") });
    const wake = await second.store.claim("s", "w");
    const [stream] = wake.streams;
    ok(stream !== undefined);
    const acks = [{ path: "a", offset: stream.tail, token: stream.tailOffset }];
    deepEqual(await first.store.ack("s", fenceOf(wake), acks, true), { nextWake: false });
    await rejectsWith(second.store.ack("s", fenceOf(wake), acks, true), "fenced");
    await rejectsWith(second.store.claim("s", "w"), "no_pending_work");
  }));

Deno.test("subscriptions on NATS: what signs is the same for all front ends, also when they begin at once", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(2);
    const [one, other] = await Promise.all([
      first.store.secrets.saveFirst(encodeUtf8("one")),
      second.store.secrets.saveFirst(encodeUtf8("other")),
    ]);
    deepEqual(one, other);
    const found: string[] = [];
    second.store.secrets.watch((bytes) => found.push(new TextDecoder().decode(bytes)));
    await first.store.secrets.save(encodeUtf8("new"));
    await kit.pass(8000);
    deepEqual(found, ["new"]);
  }));

Deno.test("subscriptions on NATS: an owner whose clock stands still gets no record in once another has taken over", () =>
  withKit(async (kit) => {
    const stopped = new ManualClock(kit.clock.nowMs());
    const first = await kit.open({ clock: new QuickClock(stopped) });
    await subscribe(first.storage, "s", { pattern: "a" });
    await first.store.link("s", ["before"]);
    await kit.pass(LEASE_OVER_MS);
    const second = await kit.open();
    await second.store.link("s", ["c"]);
    // It still believes that they are its own.
    equal(first.store.ids().length, 1);
    await rejectsWith(first.store.link("s", ["b"]), "storage_unreachable");
    stopped.advance(LEASE_OVER_MS);
    for (const { store } of [first, second]) {
      const { links } = await store.links("s", undefined, 10);
      deepEqual(links.map(({ path }) => path), ["before", "c"]);
    }
  }));

Deno.test("subscriptions on NATS: an owner that was away answers nothing of what it had in memory", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(2);
    await subscribe(first.storage, "s", { pattern: "a" });
    first.jetStream.disconnect();
    await kit.pass(LEASE_OVER_MS);
    await second.store.link("s", ["c"]);
    first.jetStream.reconnect();
    const { links } = await first.store.links("s", undefined, 10);
    deepEqual(links.map(({ path }) => path), ["c"]);
  }));

Deno.test("subscriptions on NATS: nor where the other one that owned them meanwhile is gone again", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(2);
    await subscribe(first.storage, "s", { pattern: "a" });
    first.jetStream.disconnect();
    await kit.pass(LEASE_OVER_MS);
    await second.store.link("s", ["c"]);
    await kit.close(second);
    first.jetStream.reconnect();
    const { links } = await first.store.links("s", undefined, 10);
    deepEqual(links.map(({ path }) => path), ["c"]);
    equal(first.store.ids().length, 1);
  }));

Deno.test("subscriptions on NATS: an owner that couldn't renew its lease in time goes on where nobody else has taken it", () =>
  withKit(async (kit) => {
    const [first] = await kit.startAll(2);
    await subscribe(first.storage, "s", { pattern: "a" });
    await first.storage.create("a", { contentType: TEXT, body: encodeUtf8("x") });
    await settled();
    kit.cluster.loseQuorum({ isSilent: false });
    await kit.pass(LEASE_OVER_MS);
    await rejectsWith(first.store.get("s"), "storage_unreachable");
    kit.cluster.regainQuorum();
    equal((await first.store.get("s")).state.phase, "delivering");
    // Its request is under way still, and none other was sent.
    equal(kit.sent.length, 1);
    equal(kit.sent[0]?.signal.aborted, false);
  }));

Deno.test("subscriptions on NATS: whoever takes them over keeps its lease however long that takes", () =>
  withKit(async (kit) => {
    const [first, second] = await kit.startAll(3);
    await subscribe(first.storage, "s", { pattern: "a" });
    const slow = { kind: "held", at: "answer", until: 3 * LEASE_OVER_MS } as const;
    kit.cluster.script.nextRead(slow, { subject: "ds.u.log", by: second.jetStream });
    kit.kill(first);
    await kit.freeLease();
    const asked = second.store.get("s");
    await kit.pass(4 * LEASE_OVER_MS);
    equal((await asked).name, "s");
    deepEqual(kit.frontEnds.map(({ store }) => store.ids().length), [1, 0]);
  }));

Deno.test("subscriptions on NATS: whoever takes them over from a snapshot writes no event to a closed wake stream", async () => {
  const kit = new SubscriptionsKit();
  try {
    const [first, second] = [await kit.open(), await kit.open()];
    await first.storage.create("wake", { contentType: "application/json" });
    await first.storage.create("a", { contentType: TEXT });
    const config = { type: "pull-wake", webhookUrl: undefined, wakeStream: "wake" } as const;
    await subscribe(first.storage, "s", { ...config, pattern: "a" });
    // Somebody follows the wake stream, too: so it is among the streams of a snapshot.
    await subscribe(first.storage, "t", { ...config, wakeStream: "other", pattern: "wake" });
    await first.storage.append("wake", {
      contentType: "application/json",
      body: encodeUtf8("7"),
      close: true,
    });
    await append(first, "a");
    await settled();
    await first.store.snapshot();
    kit.kill(first);
    await kit.freeLease();
    await second.store.get("s");
    const [id = 0] = second.store.ids();
    const step = await second.store.step(id, false);
    equal(step.kind === "wait" && step.problem, 'its wake stream "wake" is closed');
    const { generation, phase } = (await second.store.get("s")).state;
    deepEqual({ generation, phase }, { generation: 0, phase: "idle" });
  } finally {
    await kit.dispose();
  }
});

Deno.test("subscriptions on NATS: parts of a snapshot whose owner died before it was whole go with the next one", () =>
  withKit(async (kit) => {
    const [first] = await kit.startAll(2);
    await subscribe(first.storage, "s", { pattern: "a" });
    const part = { log: "DS_SUBS", subject: "ds.u.snap.77.1.0", expectedSequence: 0 };
    equal((await first.jetStream.publish({ ...part, payload: encodeUtf8("x") })).kind, "stored");
    await first.store.link("s", ["b"]);
    await first.store.snapshot();
    equal(await first.jetStream.lastMessage("DS_SUBS", part.subject), undefined);
    // What it points to is there, and of use.
    kit.kill(first);
    await kit.pass(LEASE_OVER_MS);
    const [second] = kit.frontEnds;
    deepEqual((await second?.store.links("s", undefined, 10))?.links.length, 1);
  }));
