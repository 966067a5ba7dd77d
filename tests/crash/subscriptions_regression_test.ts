import { deepStrictEqual as equal } from "node:assert";
import type { Storage } from "../../src/storage/storage.ts";
import type { SubscriptionConfig } from "../../src/storage/subscription.ts";
import type { SubscriptionStore } from "../../src/storage/subscription_store.ts";
import { checkpoint, machine } from "./kit.ts";

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

async function create(subscriptions: SubscriptionStore, leaseMs: number): Promise<void> {
  await subscriptions.create("s", { ...CONFIG, leaseMs, baseUrl: "http://127.0.0.1" });
}

function subscriptionsOf({ subscriptions }: Storage): SubscriptionStore {
  if (subscriptions === undefined) throw new Error("the storage has no subscriptions");
  return subscriptions;
}
