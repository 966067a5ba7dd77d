import { setTimeout as sleep } from "node:timers/promises";
import { connectJetStream } from "../../../../src/storage/nats/connection/nats_jetstream.ts";
import type { JetStream } from "../../../../src/storage/nats/jetstream.ts";
import { until } from "../../../support/until.ts";
import type { JetStreamKit } from "../jetstream_kit.ts";

/** Where servers are, and what they can do. */
export interface RealServers {
  readonly urls: readonly string[];
  readonly monitorUrls: readonly string[];
  readonly replicas: number;
}

/** Real servers and connections for the tests of any JetStream port. */
export function realKit({ urls, monitorUrls, replicas }: RealServers): JetStreamKit {
  const ports: JetStream[] = [];
  return {
    replicas,
    async connect() {
      const port = await connectJetStream({ servers: urls, monitorUrls });
      ports.push(port);
      return port;
    },
    until: (isSo, what) => until(isSo, () => what),
    pass: (seconds) => sleep(seconds * 1000),
    async close() {
      await Promise.all(ports.map((port) => port.close()));
    },
  };
}
