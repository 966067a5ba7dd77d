import fc from "fast-check";
import type { Bench } from "../../../contract/model_run.ts";
import { operations, runOperations } from "../../subscriptions/model_run.ts";
import { SubscriptionsKit } from "./subscriptions_kit.ts";

const FACTOR = Number(Deno.env.get("MODEL_RUNS") ?? 1);
const hasPrelude = fc.constantFrom(true, true, false);

async function openOne(): Promise<Bench> {
  const kit = new SubscriptionsKit();
  let frontEnd = await kit.open();
  return {
    get storage() {
      return frontEnd.storage;
    },
    clock: kit.clock,
    checkpoint: () => frontEnd.store.snapshot(),
    reopen: async () => {
      await kit.close(frontEnd);
      frontEnd = await kit.open();
      await frontEnd.store.list(undefined, 1);
    },
    crash: async () => {
      kit.kill(frontEnd);
      await kit.freeLease();
      frontEnd = await kit.open();
      await frontEnd.store.list(undefined, 1);
    },
    dispose: () => kit.dispose(),
  };
}

Deno.test("subscriptions on NATS: random operations by one front end after the other do what the model says", async () => {
  await fc.assert(
    fc.asyncProperty(hasPrelude, operations, (isFull, all) => runOperations(openOne, isFull, all)),
    { numRuns: 25 * FACTOR, interruptAfterTimeLimit: 20_000 * FACTOR },
  );
});
