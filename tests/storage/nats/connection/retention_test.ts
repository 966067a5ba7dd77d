import { equal, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connectJetStream } from "../../../../src/storage/nats/connection/nats_jetstream.ts";
import { openNatsStorage } from "../../../../src/storage/nats/open.ts";
import { Streams, TEXT } from "../../../contract/kit.ts";
import { closeAll } from "../../../contract/open_kits.ts";
import { yieldToEventLoop } from "../../../support/event_loop.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { natsTest } from "../../../support/nats/find_nats_server.ts";
import { NatsCluster } from "../../../support/nats/nats_cluster.ts";
import { QuickClock } from "../../../support/nats/quick_clock.ts";
import { textFrom, update } from "../retention/retention_kit.ts";

const APPENDS = 30;
const FREED_SECONDS = 125;
const LONGEST_MS = 30_000;

natsTest("real servers remove what was trimmed, and all front ends go on", async () => {
  await using cluster = await NatsCluster.start({ servers: 3 });
  const clock = new ManualClock();
  const open = async () =>
    await openNatsStorage({
      jetStream: await connectJetStream({ servers: cluster.urls }),
      clock: new QuickClock(clock),
      shards: 1,
    });
  const jetStream = await connectJetStream({ servers: cluster.urls });
  const storages = [await open(), await open()] as const;
  const [a, behind] = storages;
  await a.create("s", { contentType: TEXT });
  await new Streams(a).text("s", "first");
  const { id } = await behind.head("s");
  for (let i = 0; i < APPENDS; i++) await new Streams(a).text("s", "0123456789");
  await update(a, "s", { trimBefore: 205 });
  const first = async () => {
    const query = { log: "DS_DATA_1", subject: `ds.d.1.${id}`, fromSequence: 1 };
    const [message] = await jetStream.messages({
      ...query,
      limit: 1,
      limitBytes: 1,
      byLeader: true,
    });
    return message?.headers["Ds-Stream"]?.split(" ")[0];
  };
  equal(await first(), "0");
  for (let second = 0; second < FREED_SECONDS; second++) {
    clock.advance(1000);
    await yieldToEventLoop();
  }
  for (const endMs = performance.now() + LONGEST_MS; await first() !== "205";) {
    ok(performance.now() < endMs, `it isn't removed: ${await first()}`);
    await sleep(20);
  }
  const late = await open();
  for (const [i, storage] of [behind, late].entries()) {
    equal((await storage.head("s")).earliest, 205);
    equal((await textFrom(storage, "s", 205)).length, 100 + i);
    await new Streams(storage).text("s", "!");
  }
  equal((await textFrom(a, "s", 305)).length, 2);
  await closeAll([...storages, late], clock);
  await jetStream.close();
});
