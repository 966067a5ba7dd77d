import { deepStrictEqual as equal } from "node:assert";
import type { PublishOutcome } from "../../../../src/storage/nats/jetstream.ts";
import { Publisher } from "../../../../src/storage/nats/cluster/publisher.ts";
import { toSettings } from "../../../../src/storage/nats/options.ts";
import { FrontEnds } from "../../../support/nats/front_ends.ts";
import { SimulatedJetStream } from "../../../support/nats/simulated_jetstream.ts";

const MESSAGE = { log: "L", subject: "s", payload: new Uint8Array(), expectedSequence: 3 };
const UNKNOWN: PublishOutcome = { kind: "unknown", reason: "no answer" };
const UNAVAILABLE: PublishOutcome = { kind: "unavailable", reason: "no leader" };
const UNDER_WAY: PublishOutcome = { kind: "refused", lastSequence: undefined };

/** What comes of a publish whose attempts come to these outcomes, the last one for ever. */
async function publish(...outcomes: PublishOutcome[]) {
  const frontEnds = new FrontEnds();
  const jetStream = new SimulatedJetStream(frontEnds.cluster);
  let attempts = 0;
  jetStream.publish = () =>
    Promise.resolve(outcomes[Math.min(attempts++, outcomes.length - 1)] ?? UNKNOWN);
  const settings = toSettings({ jetStream, clock: frontEnds.clock, random: () => 0.5 });
  const published = await frontEnds.within(new Publisher(settings).publish([MESSAGE]), 50);
  return { published, attempts };
}

Deno.test("a publish of unknown outcome is sent again until it is known", async () => {
  const stored: PublishOutcome = { kind: "stored", sequence: 4 };
  equal(await publish(UNKNOWN, UNAVAILABLE, UNKNOWN, stored), { published: stored, attempts: 4 });
});

Deno.test("a publish that is refused the first time was never stored", async () => {
  const { published, attempts } = await publish({ kind: "refused", lastSequence: 7 });
  equal(attempts, 1);
  equal(published, { kind: "refused", lastSequence: 7, mayBeOurs: false });
  equal((await publish(UNDER_WAY)).published, {
    kind: "refused",
    lastSequence: undefined,
    mayBeOurs: false,
  });
});

Deno.test("a publish that is refused after an unknown outcome may be what is there", async () => {
  const { published } = await publish(UNKNOWN, { kind: "refused", lastSequence: 7 });
  equal(published, { kind: "refused", lastSequence: 7, mayBeOurs: true });
});

Deno.test("what is under way after an unknown outcome may be it: that is waited for", async () => {
  const { published, attempts } = await publish(UNKNOWN, UNDER_WAY, UNDER_WAY, {
    kind: "refused",
    lastSequence: 7,
  });
  equal(attempts, 4);
  equal(published.kind, "refused");
});

Deno.test("a publish is given up after a while, and says whether it may be stored", async () => {
  for (const [first, mayBeStored] of [[UNAVAILABLE, false], [UNKNOWN, true]] as const) {
    const { published } = await publish(first, UNAVAILABLE);
    equal(published.kind === "failed" && published.mayBeStored, mayBeStored);
    equal(published.kind === "failed" && published.error.code, "storage_unreachable");
  }
  const full: PublishOutcome = { kind: "full", reason: "no room" };
  const { published } = await publish(full);
  equal(published.kind === "failed" && published.error.code, "storage_full");
  // An attempt before it may have been stored all the same.
  const later = (await publish(UNKNOWN, full)).published;
  equal(later.kind === "failed" && later.mayBeStored, true);
});
