import { Ids } from "../../../../src/storage/nats/cluster/ids.ts";
import { Publisher } from "../../../../src/storage/nats/cluster/publisher.ts";
import { Subjects } from "../../../../src/storage/nats/cluster/subjects.ts";
import { toSettings } from "../../../../src/storage/nats/options.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { FrontEnds } from "../../../support/nats/front_ends.ts";
import { SimulatedJetStream } from "../../../support/nats/simulated_jetstream.ts";

Deno.test("who loses every race for numbers is told that too many take them, not that nobody is reached", async () => {
  const frontEnds = new FrontEnds();
  const jetStream = new SimulatedJetStream(frontEnds.cluster);
  jetStream.lastMessage = () => Promise.resolve(undefined);
  jetStream.publish = () => Promise.resolve({ kind: "refused", lastSequence: 7 });
  const settings = toSettings({ jetStream, clock: frontEnds.clock, random: () => 0.5 });
  const ids = new Ids(jetStream, new Subjects("ds"), new Publisher(settings));
  await rejectsWith(ids.newId(0), "overloaded", /^Too many front ends take numbers/);
});
