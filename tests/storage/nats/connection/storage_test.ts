import process from "node:process";
import { connectJetStream } from "../../../../src/storage/nats/connection/nats_jetstream.ts";
import { openNatsStorage } from "../../../../src/storage/nats/open.ts";
import type { OpenKit } from "../../../contract/kit.ts";
import { closeAll } from "../../../contract/open_kits.ts";
import { SteppedStorage } from "../../../contract/stepped_storage.ts";
import { describeStorage } from "../../../contract/storage_contract.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { findNatsServer, natsTest } from "../../../support/nats/find_nats_server.ts";
import { NatsCluster } from "../../../support/nats/nats_cluster.ts";
import { QuickClock } from "../../../support/nats/quick_clock.ts";

/** What every storage does, by two front ends over real servers, each step by the other one. */

if (findNatsServer() !== undefined || process.env["CI"] === "true") {
  const cluster = await NatsCluster.start({ servers: 1 });
  Deno.test.afterAll(() => cluster[Symbol.asyncDispose]());
  describeStorage("nats, two front ends and a server", openReal(cluster), "but sliding");
} else {
  natsTest("what every storage does, over real servers", () => Promise.resolve());
}

function openReal({ urls, servers }: NatsCluster): OpenKit {
  return async (options) => {
    const clock = new ManualClock();
    const prefix = `t${crypto.randomUUID().slice(0, 8)}`;
    const open = async () =>
      await openNatsStorage({
        ...options,
        prefix,
        jetStream: await connectJetStream({ servers: urls }),
        clock: new QuickClock(clock),
        replicas: servers.length,
        shards: 2,
      });
    const storages = [await open(), await open()] as const;
    let at = 0;
    const next = () => Promise.resolve(storages[++at % 2] ?? storages[0]);
    return {
      storage: new SteppedStorage(storages[0], next, "each"),
      clock,
      dispose: () => closeAll(storages, clock),
    };
  };
}
