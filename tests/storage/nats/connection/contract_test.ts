import process from "node:process";
import { findNatsServer, natsTest } from "../../../support/nats/find_nats_server.ts";
import { NatsCluster } from "../../../support/nats/nats_cluster.ts";
import { jetStreamContract } from "../jetstream_contract.ts";
import { realKit } from "./real_kit.ts";

/** What any JetStream port has to do, done by real servers: one alone, and three that replicate. */

if (findNatsServer() !== undefined || process.env["CI"] === "true") {
  for (const servers of [1, 3] as const) {
    // For all of its tests: begun before the first, so that none of them has to end it.
    const cluster = await NatsCluster.start({ servers });
    Deno.test.afterAll(() => cluster[Symbol.asyncDispose]());
    const { urls, monitorUrls } = cluster;
    const kit = () => realKit({ urls, monitorUrls, replicas: servers });
    jetStreamContract(`${servers} of nats-server`, () => Promise.resolve(kit()));
  }
} else {
  natsTest("what any JetStream port has to do", () => Promise.resolve());
}
