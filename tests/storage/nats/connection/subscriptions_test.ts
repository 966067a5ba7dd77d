import { deepEqual, equal, ok } from "node:assert/strict";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { connectJetStream } from "../../../../src/storage/nats/connection/nats_jetstream.ts";
import { openNatsStorage } from "../../../../src/storage/nats/open.ts";
import { NatsSubscriptions } from "../../../../src/storage/nats/subscriptions/nats_subscriptions.ts";
import { natsTest } from "../../../support/nats/find_nats_server.ts";
import { NatsCluster } from "../../../support/nats/nats_cluster.ts";
import { subscribe } from "../../../support/subscription_kit.ts";

const TEXT = "text/plain";

async function open({ urls, servers }: NatsCluster) {
  const jetStream = await connectJetStream({ servers: urls });
  const storage = await openNatsStorage({ jetStream, replicas: servers.length, shards: 2 });
  const store = storage.subscriptions;
  ok(store instanceof NatsSubscriptions);
  return { storage, store };
}

natsTest(
  "subscriptions over three real servers: claimed through each front end, and handed over with all that is pending",
  async () => {
    await using cluster = await NatsCluster.start({ servers: 3 });
    const [first, second] = [await open(cluster), await open(cluster)];
    await subscribe(first.storage, "s", {
      type: "pull-wake",
      webhookUrl: undefined,
      pattern: "a/*",
      wakeStream: "wake",
    });
    equal(first.store.ids().length, 1);
    for (const name of ["a/1", "a/2"]) {
      await second.storage.create(name, { contentType: TEXT, body: encodeUtf8("x") });
    }
    const wake = await second.store.claim("s", "w");
    // Each comes as its own front end hears of it.
    const pending = wake.streams.map(({ path, tail }) => `${path} ${tail}`).sort();
    deepEqual(pending, ["a/1 1", "a/2 1"]);
    await first.store.snapshot();
    await second.storage.append("a/1", { contentType: TEXT, body: encodeUtf8("y") });
    await first.storage.close();
    const { id, state: { generation, wakeId } } = wake.subscription;
    const fence = { token: { subscriptionId: id, generation, wakeId }, generation, wakeId };
    const acks = wake.streams.map(({ path, tail, tailOffset }) => ({
      path,
      offset: tail,
      token: tailOffset,
    }));
    deepEqual(await second.store.ack("s", fence, acks, true), { nextWake: true });
    const next = await second.store.claim("s", "w");
    deepEqual(next.streams.map(({ path, acked, tail }) => [path, acked, tail]), [["a/1", 1, 2]]);
    await second.storage.close();
  },
);
