import { ok } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import type {
  SubscriptionSpec,
  SubscriptionStore,
} from "../../../src/storage/subscription_store.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const SPEC: SubscriptionSpec = {
  type: "pull-wake",
  pattern: "a/**",
  streams: [],
  webhookUrl: undefined,
  wakeStream: "wake",
  leaseMs: 30_000,
  description: undefined,
  baseUrl: "http://localhost/v1/stream",
};

/** A storage in memory with subscriptions, on a clock that stands. */
export class EngineKit {
  readonly clock = new ManualClock();
  readonly storage: Storage;
  readonly store: SubscriptionStore;

  constructor() {
    this.storage = createMemoryStorage({ clock: this.clock });
    const { subscriptions } = this.storage;
    ok(subscriptions !== undefined);
    this.store = subscriptions;
  }

  async subscribe(name: string, spec: Partial<SubscriptionSpec> = {}): Promise<number> {
    return (await this.store.create(name, { ...SPEC, ...spec })).id;
  }

  /** Makes streams, all with the same text. */
  async make(names: readonly string[], text = ""): Promise<void> {
    const body = encodeUtf8(text);
    const contentType = "text/plain";
    await Promise.all(names.map((name) => this.storage.create(name, { contentType, body })));
  }

  async append(name: string, text = "x"): Promise<void> {
    await this.storage.append(name, { contentType: "text/plain", body: encodeUtf8(text) });
  }

  /** The links of a subscription, page by page. */
  async pages(name: string, limit: number): Promise<string[][]> {
    const pages: string[][] = [];
    let after: string | undefined;
    do {
      const { links, next } = await this.store.links(name, after, limit);
      pages.push(links.map(({ path }) => path));
      after = next;
    } while (after !== undefined);
    return pages;
  }

  /** What a claim would tell of. */
  async pending(name: string): Promise<string[]> {
    const { streams, subscription } = await this.store.claim(name, "worker");
    const { generation, wakeId } = subscription.state;
    const fence = {
      token: { subscriptionId: subscription.id, generation, wakeId },
      generation,
      wakeId,
    };
    await this.store.release(name, fence);
    return streams.map(({ path }) => path).sort();
  }
}
