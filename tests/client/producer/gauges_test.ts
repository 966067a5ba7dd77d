import { deepStrictEqual as equal } from "node:assert";
import { TEXT } from "../../support/fixture.ts";
import { drainEventLoop, ProducerFixture } from "../../support/client/producer_fixture.ts";

const NOTHING = {
  waitingMessages: 0,
  queuedMessages: 0,
  queuedBatches: 0,
  inFlightMessages: 0,
  inFlightBatches: 0,
  bufferedBytes: 0,
};

Deno.test("the gauges count each message once, wherever it is, and are 0 in the end", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT);
  const producer = at.producer({ maxBatchMessages: 2, maxInFlight: 2, maxBufferedBytes: 1_050 });
  equal(producer.gauges, NOTHING);
  await producer.send("x");
  equal(producer.gauges, { ...NOTHING, queuedMessages: 1, bufferedBytes: 1 });
  await at.outcome(producer.flush());
  equal(producer.gauges, NOTHING);

  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  at.transport.script = async () => {
    await opened;
    return "pass" as const;
  };
  for (let i = 0; i < 10; i++) void producer.send("y");
  await drainEventLoop();
  // Each of the five batches counts 258 bytes: the fifth goes past the limit.
  equal(producer.gauges, {
    waitingMessages: 0,
    queuedMessages: 6,
    queuedBatches: 3,
    inFlightMessages: 4,
    inFlightBatches: 2,
    bufferedBytes: 5 * 258,
  });
  void producer.send("z");
  equal(producer.gauges.waitingMessages, 1);
  open();
  await at.outcome(producer.flush());
  equal(producer.gauges, NOTHING);
});
