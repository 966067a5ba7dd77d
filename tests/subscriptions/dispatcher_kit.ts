import { ok } from "node:assert/strict";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { SubscriptionSpec, SubscriptionStore } from "../../src/storage/subscription_store.ts";
import type { TraceContext } from "../../src/tracing/trace_context.ts";
import type { Tracer } from "../../src/tracing/tracer.ts";
import { sendWake } from "../../src/subscriptions/delivery.ts";
import { Dispatcher } from "../../src/subscriptions/dispatcher.ts";
import { SigningKeys } from "../../src/subscriptions/webhooks/signing_keys.ts";
import { yieldToEventLoop } from "../support/event_loop.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { ScriptedTransport } from "../support/scripted_transport.ts";

/** A webhook subscription's configuration. */
export function webhookSpec(spec: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return {
    type: "webhook",
    pattern: "events/*",
    streams: [],
    webhookUrl: "https://worker.example/hook",
    wakeStream: undefined,
    leaseMs: 30_000,
    description: undefined,
    baseUrl: "http://localhost/v1/stream",
    ...spec,
  };
}

/** A storage in memory, a scripted endpoint, a clock that stands, and drivers over them. */
export class DispatcherKit {
  readonly clock = new ManualClock();
  readonly storage: Storage;
  readonly store: SubscriptionStore;
  readonly transport = new ScriptedTransport();
  tracer: Tracer | undefined;
  #keys: SigningKeys | undefined;

  constructor() {
    this.storage = createMemoryStorage({ clock: this.clock, maxSubscriptions: 1e6 });
    const { subscriptions } = this.storage;
    ok(subscriptions !== undefined);
    this.store = subscriptions;
  }

  /** A driver over the store, or over another one that stands before it; it has begun. */
  async start(maxDeliveries = 1000, store = this.store): Promise<Dispatcher> {
    const { clock, transport, tracer } = this;
    const keys = this.#keys ??= await SigningKeys.open(store.secrets, clock);
    const dispatcher = new Dispatcher({
      store,
      clock,
      maxDeliveries,
      send: (wake, signal) => sendWake(wake, { clock, keys, transport, tracer }, signal),
    });
    dispatcher.start();
    await settled();
    return dispatcher;
  }

  /** Makes a stream, or appends to it. */
  async write(name: string, text = "x", trace?: TraceContext): Promise<void> {
    const body = encodeUtf8(text);
    const contentType = "text/plain";
    const { created } = await this.storage.create(name, { contentType, body, trace });
    if (!created) await this.storage.append(name, { contentType, body, trace });
    await settled();
  }

  /** Lets time pass, and what falls due run: in steps, since each may lead to another. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await settled();
    }
  }
}

/** Lets all that doesn't wait for the clock run to its end. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 12; turns++) await yieldToEventLoop();
}
