import { ok } from "node:assert/strict";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { SimulatedCluster } from "../../support/nats/simulated_cluster.ts";
import { SimulatedJetStream } from "../../support/nats/simulated_jetstream.ts";
import { jetStreamContract } from "./jetstream_contract.ts";
import type { JetStreamKit } from "./jetstream_kit.ts";

const MOST_TURNS = 100;

function openSimulation(): Promise<JetStreamKit> {
  const clock = new ManualClock();
  const cluster = new SimulatedCluster({ clock });
  const views: SimulatedJetStream[] = [];
  return Promise.resolve({
    replicas: 3,
    connect: () => {
      const view = new SimulatedJetStream(cluster);
      views.push(view);
      return Promise.resolve(view);
    },
    until: async (isSo, what) => {
      for (let turns = 0; !await isSo(); turns++) {
        ok(turns < MOST_TURNS, what);
        await yieldToEventLoop();
      }
    },
    pass: (seconds) => Promise.resolve(clock.advance(seconds * 1000)),
    close: async () => {
      for (const view of views) await view.close();
    },
  });
}

jetStreamContract("a made-up cluster", openSimulation);
