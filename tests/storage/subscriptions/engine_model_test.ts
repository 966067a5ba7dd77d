import fc from "fast-check";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import type { Bench } from "../../contract/model_run.ts";
import { TINY } from "../../contract/open_kits.ts";
import { FileKit } from "../../support/file_kit.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { operations, runOperations } from "./model_run.ts";

/** How many random runs there are; a longer search is asked for by MODEL_RUNS. */
const FACTOR = Number(Deno.env.get("MODEL_RUNS") ?? 1);

const hasPrelude = fc.constantFrom(true, true, false);

function openMemory(): Promise<Bench> {
  const clock = new ManualClock();
  const storage = createMemoryStorage({ clock });
  const nothing = () => Promise.resolve();
  const dispose = () => storage.close();
  return Promise.resolve({
    storage,
    clock,
    checkpoint: nothing,
    reopen: nothing,
    crash: nothing,
    dispose,
  });
}

async function openFile(): Promise<Bench> {
  const root = await Deno.makeTempDir({ prefix: "durable-streams-test-" });
  const kit = new FileKit(root, TINY);
  await kit.open();
  return {
    get storage() {
      return kit.storage;
    },
    clock: kit.clock,
    checkpoint: () => kit.checkpoint(),
    reopen: () => kit.reopen(),
    crash: () => kit.crash(),
    dispose: async () => {
      await kit.close();
      await Deno.remove(root, { recursive: true });
    },
  };
}

Deno.test("subscriptions: random operations on memory do what the model says", async () => {
  await fc.assert(
    fc.asyncProperty(
      hasPrelude,
      operations,
      (isFull, all) => runOperations(openMemory, isFull, all),
    ),
    { numRuns: 300 * FACTOR },
  );
});

Deno.test("subscriptions: random operations on files, with checkpoints, reopens and kills, do what the model says", async () => {
  await fc.assert(
    fc.asyncProperty(hasPrelude, operations, (isFull, all) => runOperations(openFile, isFull, all)),
    { numRuns: 12 * FACTOR, interruptAfterTimeLimit: 20_000 * FACTOR },
  );
});
