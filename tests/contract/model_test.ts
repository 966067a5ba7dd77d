import fc from "fast-check";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { FileKit } from "../support/file_kit.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { type Bench, runSteps, steps } from "./model_run.ts";
import { TINY } from "./open_kits.ts";

/** How many random runs there are; a longer search is asked for by MODEL_RUNS. */
const FACTOR = Number(Deno.env.get("MODEL_RUNS") ?? 1);

function openMemory(): Promise<Bench> {
  const clock = new ManualClock();
  const storage = createMemoryStorage({ clock });
  return Promise.resolve({
    storage,
    clock,
    checkpoint: () => Promise.resolve(),
    reopen: () => Promise.resolve(),
    crash: () => Promise.resolve(),
    dispose: () => storage.close(),
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

Deno.test("random steps on memory do what the model says", async () => {
  await fc.assert(
    fc.asyncProperty(steps, (all) => runSteps(all, openMemory)),
    { numRuns: 400 * FACTOR },
  );
});

Deno.test("random steps on files, with checkpoints, reopens and kills, do what the model says", async () => {
  await fc.assert(
    fc.asyncProperty(steps, (all) => runSteps(all, openFile)),
    { numRuns: 12 * FACTOR, interruptAfterTimeLimit: 20_000 * FACTOR },
  );
});
