import { deepStrictEqual as equal, ok } from "node:assert";
import type { Storage } from "../../src/storage/storage.ts";
import type { SubscriptionConfig } from "../../src/storage/subscription.ts";
import type { SubscriptionStore } from "../../src/storage/subscription_store.ts";
import { yieldToEventLoop } from "../support/event_loop.ts";
import { checkpoint, machine, outcome, post, put } from "./kit.ts";

/** Bugs about subscriptions that the histories found in this server, each as short as it gets. */

const CONFIG: SubscriptionConfig = {
  type: "webhook",
  pattern: "**",
  streams: [],
  webhookUrl: "https://hooks.example/wake",
  wakeStream: undefined,
  leaseMs: 1000,
  description: undefined,
};

Deno.test("a subscription's name that is given again stops no start where its row is newer", async () => {
  const on = machine();
  const subscriptions = subscriptionsOf(await on.open());
  await create(subscriptions, 1000);
  await subscriptions.link("s", ["a"]);
  await subscriptions.delete("s");
  await create(subscriptions, 2000);
  on.fileSystem.faults.add({ call: "store state", kind: "no_space", times: 1000 });
  await checkpoint(on);
  on.end("crash");
  const found = await subscriptionsOf(await on.open()).get("s");
  equal([found.config.leaseMs, found.state.generation], [2000, 0]);
});

Deno.test("what is shown of cursors is there after a crash", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const on = machine(seed);
    const storage = await on.open();
    const subscriptions = subscriptionsOf(storage);
    await put(storage, "a", "x".repeat(100));
    await create(subscriptions, 1000, { type: "pull-wake", wakeStream: "w" });
    await post(storage, "a", "y".repeat(100));
    const { subscription: { id, state: { generation, wakeId } } } = await subscriptions.claim(
      "s",
      "w",
    );
    const fence = { token: { subscriptionId: id, generation, wakeId }, generation, wakeId };
    const ack = (offset: number) =>
      subscriptions.ack("s", fence, [{ path: "a", offset, token: `${offset}` }], false);
    const acked = async (from: SubscriptionStore) =>
      (await from.links("s", undefined, 10)).links[0]?.ackedOffset ?? "";
    void outcome(ack(150));
    for (let turns = seed % 6; turns > 0; turns--) await yieldToEventLoop();
    const shown = acked(subscriptions);
    await yieldToEventLoop();
    void outcome(ack(200));
    const before = await shown;
    on.end("crash");
    const after = await acked(subscriptionsOf(await on.open()));
    ok(after >= before, `seed ${seed}: ${before} was shown, and it is ${after}`);
  }
});

Deno.test("a claim that is refused because a stream is gone is refused after a crash", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const on = machine(seed);
    const storage = await on.open();
    const subscriptions = subscriptionsOf(storage);
    await create(subscriptions, 1000, { type: "pull-wake", wakeStream: "w" });
    await put(storage, "a", "x".repeat(100));
    void outcome(storage.delete("a"));
    for (let turns = seed % 3; turns > 0; turns--) await Promise.resolve();
    const before = await outcome(subscriptions.claim("s", "w"));
    on.end("crash");
    const after = await outcome(subscriptionsOf(await on.open()).claim("s", "w"));
    ok(before === "done" || after === "no_pending_work", `seed ${seed}: ${before}, then ${after}`);
  }
});

async function create(
  subscriptions: SubscriptionStore,
  leaseMs: number,
  config: Partial<SubscriptionConfig> = {},
): Promise<void> {
  await subscriptions.create("s", { ...CONFIG, leaseMs, ...config, baseUrl: "http://127.0.0.1" });
}

function subscriptionsOf({ subscriptions }: Storage): SubscriptionStore {
  if (subscriptions === undefined) throw new Error("the storage has no subscriptions");
  return subscriptions;
}
