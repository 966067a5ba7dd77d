import { equal } from "node:assert/strict";
import { Publisher } from "../../../../src/storage/nats/cluster/publisher.ts";
import { Subjects } from "../../../../src/storage/nats/cluster/subjects.ts";
import { toSettings } from "../../../../src/storage/nats/options.ts";
import { NatsStream } from "../../../../src/storage/nats/streams/nats_stream.ts";
import { Snapshots } from "../../../../src/storage/nats/streams/snapshots.ts";
import { FrontEnds } from "../../../support/nats/front_ends.ts";
import { SimulatedJetStream } from "../../../support/nats/simulated_jetstream.ts";

/** Counts how often its state is taken. */
class CountedStream extends NatsStream {
  taken = 0;

  override snapshot() {
    this.taken++;
    return super.snapshot();
  }
}

Deno.test("a state that is too long for a message isn't encoded again with each interval", async () => {
  const frontEnds = new FrontEnds();
  const jetStream = new SimulatedJetStream(frontEnds.cluster);
  Object.defineProperty(jetStream, "messageLimitBytes", { value: 1 });
  const settings = toSettings({ jetStream, clock: frontEnds.clock, snapshotMessages: 4 });
  const snapshots = new Snapshots(settings, new Subjects("ds"), new Publisher(settings));
  const stream = new CountedStream({
    id: 1,
    name: "a",
    shard: 1,
    contentType: "text/plain",
    lifetime: { kind: "forever" },
    fork: undefined,
    kind: "name",
    createdAtMs: 0,
  }, 1);
  for (let message = 0; message < 4 * 17 * 2; message++) {
    stream.messagesSinceSnapshot++;
    snapshots.onStored(stream);
  }
  await snapshots.flush();
  equal(stream.taken, 2);
});
