import fc from "fast-check";
import { operations, runOperations } from "./model_run.ts";

/** How many random runs there are; a longer search is asked for by MODEL_RUNS. */
const FACTOR = Number(Deno.env.get("MODEL_RUNS") ?? 1);

Deno.test("subscriptions: random operations do what the model says", async () => {
  await fc.assert(fc.asyncProperty(fc.constantFrom(true, true, false), operations, runOperations), {
    numRuns: 300 * FACTOR,
  });
});
