import fc from "fast-check";
import type { Bench } from "../../../contract/model_run.ts";
import { operations, runOperations } from "../../subscriptions/model_run.ts";
import { asOneStorage } from "./several_stores.ts";
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

/** Each call by the next of three, of which the owner closes or dies and comes back as another one. */
async function openThree(): Promise<Bench> {
  const kit = new SubscriptionsKit();
  const { frontEnds } = kit;
  for (let i = 0; i < 3; i++) await kit.open();
  let storage = asOneStorage(frontEnds);
  const ownerOf = () => frontEnds.find(({ store }) => store.ids().length > 0) ?? frontEnds[0];
  const replace = async (isKilled: boolean) => {
    const owner = ownerOf();
    if (owner === undefined) return;
    // Of those that own nothing that can be seen, it isn't known which one has the lease.
    if (isKilled && owner.store.ids().length > 0) {
      kit.kill(owner);
      await kit.freeLease();
    } else await kit.close(owner);
    await kit.open();
    storage = asOneStorage(frontEnds);
    await storage.subscriptions?.list(undefined, 1);
  };
  return {
    get storage() {
      return storage;
    },
    clock: kit.clock,
    checkpoint: async () => await ownerOf()?.store.snapshot(),
    reopen: () => replace(false),
    crash: () => replace(true),
    dispose: () => kit.dispose(),
  };
}

Deno.test("subscriptions on NATS: random operations through three front ends do what the model says", async () => {
  await fc.assert(
    fc.asyncProperty(
      hasPrelude,
      operations,
      (isFull, all) => runOperations(openThree, isFull, all),
    ),
    { numRuns: 25 * FACTOR, interruptAfterTimeLimit: 20_000 * FACTOR },
  );
});
