import { setTimeout as sleep } from "node:timers/promises";
import { connectJetStream } from "../../../../src/storage/nats/connection/nats_jetstream.ts";
import type { JetStream } from "../../../../src/storage/nats/jetstream.ts";
import type { NatsCluster } from "../../../support/nats/nats_cluster.ts";
import { until } from "../../../support/until.ts";
import type { JetStreamKit } from "../jetstream_kit.ts";

/** Real servers and connections for the tests of any JetStream port. */
export function realKit(cluster: NatsCluster): JetStreamKit {
  const ports: JetStream[] = [];
  return {
    replicas: cluster.servers.length,
    async connect() {
      const servers = cluster.urls;
      const port = await connectJetStream({ servers, monitorUrls: cluster.monitorUrls });
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
