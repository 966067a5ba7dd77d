import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { SubscriptionConfig } from "../../src/storage/subscription.ts";
import type { SubscriptionStore } from "../../src/storage/subscription_store.ts";

const TEXT = "text/plain";

/** A storage's subscriptions. */
export function storeOf({ subscriptions }: Storage): SubscriptionStore {
  if (subscriptions === undefined) throw new Error("The storage has no subscriptions.");
  return subscriptions;
}

/** Makes a webhook's subscription, unless `config` says otherwise. */
export async function subscribe(
  storage: Storage,
  name: string,
  config: Partial<SubscriptionConfig> = {},
): Promise<void> {
  await storeOf(storage).create(name, {
    type: "webhook",
    pattern: undefined,
    streams: [],
    webhookUrl: "http://localhost/hook",
    wakeStream: undefined,
    leaseMs: 30_000,
    description: undefined,
    baseUrl: "http://localhost:4437/v1/stream",
    ...config,
  });
}

/** Makes a stream of text. */
export async function makeText(storage: Storage, name: string, text = ""): Promise<void> {
  await storage.create(name, { contentType: TEXT, body: encodeUtf8(text) });
}

/** Appends to a stream of text. */
export async function appendText(storage: Storage, name: string, text: string): Promise<void> {
  await storage.append(name, { contentType: TEXT, body: encodeUtf8(text) });
}

/** All that can be known of the subscriptions, and so of their cursors. */
export async function viewSubscriptions(storage: Storage) {
  const store = storeOf(storage);
  const { subscriptions } = await store.list(undefined, 1000);
  return await Promise.all(subscriptions.map(async (info) => ({
    info,
    links: (await store.links(info.name, undefined, 1000)).links,
  })));
}
