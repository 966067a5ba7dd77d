import fc from "fast-check";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { openNatsStorage } from "../../src/storage/nats/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { FileKit } from "../support/file_kit.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { QuickClock } from "../support/nats/quick_clock.ts";
import { SimulatedCluster } from "../support/nats/simulated_cluster.ts";
import { SimulatedJetStream } from "../support/nats/simulated_jetstream.ts";
import { type Bench, runSteps, steps } from "./model_run.ts";
import { closeAll, TINY, TINY_NATS } from "./open_kits.ts";

/** How many random runs there are; a longer search is asked for by MODEL_RUNS. */
const FACTOR = Number(Deno.env.get("MODEL_RUNS") ?? 1);
const FRONT_ENDS = 3;

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

/**
 * The model ends streams when somebody asks for them: what ends a fork by itself before may take its
 * source with it, which the model would still show as gone. The front ends take turns, and now and then
 * all of them are new ones.
 */
async function openNats(): Promise<Bench> {
  const clock = new ManualClock();
  const cluster = new SimulatedCluster({ clock, messageLimitBytes: 16 * 1024 });
  const frontEnds: Storage[] = [];
  let at = 0;
  const replace = async (index: number) => {
    const before = frontEnds[index];
    if (before !== undefined) await closeAll([before], clock);
    const jetStream = new SimulatedJetStream(cluster);
    frontEnds[index] = await openNatsStorage({
      ...TINY_NATS,
      jetStream,
      clock: new QuickClock(clock, false),
      shards: 2,
    });
  };
  const replaceAll = async () => {
    for (let index = 0; index < FRONT_ENDS; index++) await replace(index);
  };
  await replaceAll();
  const current = () => {
    const storage = frontEnds[at];
    if (storage === undefined) throw new Error("There is always a front end.");
    return storage;
  };
  return {
    get storage() {
      at = (at + 1) % FRONT_ENDS;
      return current();
    },
    clock,
    checkpoint: () => Promise.resolve(),
    reopen: replaceAll,
    crash: () => replace(at),
    dispose: () => closeAll(frontEnds, clock),
  };
}

Deno.test("random steps on NATS, by several front ends, do what the model says", async () => {
  await fc.assert(
    fc.asyncProperty(steps, (all) => runSteps(all, openNats)),
    { numRuns: 200 * FACTOR },
  );
});

Deno.test("random steps on files, with checkpoints, reopens and kills, do what the model says", async () => {
  await fc.assert(
    fc.asyncProperty(steps, (all) => runSteps(all, openFile)),
    { numRuns: 12 * FACTOR, interruptAfterTimeLimit: 20_000 * FACTOR },
  );
});
