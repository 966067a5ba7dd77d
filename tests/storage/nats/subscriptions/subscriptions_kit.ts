import { ok } from "node:assert/strict";
import { openNatsStorage } from "../../../../src/storage/nats/open.ts";
import type { NatsStorageOptions } from "../../../../src/storage/nats/options.ts";
import { NatsSubscriptions } from "../../../../src/storage/nats/subscriptions/nats_subscriptions.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { closeAll } from "../../../contract/open_kits.ts";
import { yieldToEventLoop } from "../../../support/event_loop.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { QuickClock } from "../../../support/nats/quick_clock.ts";
import { type ClusterOptions, SimulatedCluster } from "../../../support/nats/simulated_cluster.ts";
import { SimulatedJetStream } from "../../../support/nats/simulated_jetstream.ts";

/** Long enough for any lease of a front end that is gone to end, in ms. */
export const LEASE_OVER_MS = 7000;

/** One front end. */
export interface FrontEndKit {
  readonly jetStream: SimulatedJetStream;
  readonly storage: Storage;
  readonly store: NatsSubscriptions;
}

/** A made-up cluster whose front ends have subscriptions. */
export class SubscriptionsKit {
  readonly clock = new ManualClock();
  readonly cluster: SimulatedCluster;
  readonly frontEnds: FrontEndKit[] = [];

  constructor(options: Partial<ClusterOptions> = {}) {
    this.cluster = new SimulatedCluster({ clock: this.clock, ...options });
  }

  /** One more front end. */
  async open(options: Partial<NatsStorageOptions> = {}): Promise<FrontEndKit> {
    const jetStream = new SimulatedJetStream(this.cluster);
    const storage = await openNatsStorage({
      jetStream,
      clock: new QuickClock(this.clock),
      shards: 2,
      ...options,
    });
    const store = storage.subscriptions;
    ok(store instanceof NatsSubscriptions);
    const frontEnd = { jetStream, storage, store };
    this.frontEnds.push(frontEnd);
    return frontEnd;
  }

  /** One that owned the subscriptions is forgotten by the cluster at once, as if its lease had ended. */
  async freeLease(): Promise<void> {
    const port = new SimulatedJetStream(this.cluster);
    const sequence = await port.lastSequence("DS_META", "ds.m.owner");
    await port.purge("DS_META", "ds.m.owner", sequence);
    await port.close();
  }

  /** Dies without a word. */
  kill(frontEnd: FrontEndKit): void {
    frontEnd.jetStream.kill();
    this.frontEnds.splice(this.frontEnds.indexOf(frontEnd), 1);
  }

  /** Closes one. */
  async close(frontEnd: FrontEndKit): Promise<void> {
    this.frontEnds.splice(this.frontEnds.indexOf(frontEnd), 1);
    await closeAll([frontEnd.storage], this.clock);
  }

  /** Lets time pass, and what falls due run. */
  async pass(ms: number, stepMs = 500): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await settled();
    }
  }

  /** Closes all that is open. */
  async dispose(): Promise<void> {
    await closeAll(this.frontEnds.splice(0).map(({ storage }) => storage), this.clock);
  }
}

/** Lets all that doesn't wait for the clock run to its end. */
export async function settled(turns = 40): Promise<void> {
  for (; turns > 0; turns--) await yieldToEventLoop();
}
