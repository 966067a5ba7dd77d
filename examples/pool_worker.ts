/**
 * One of a pool of workers that take turns at the streams below jobs/, beside a server that runs already
 * (`durable-streams`): `deno run -A examples/pool_worker.ts ada`, or `bun examples/pool_worker.ts ada`.
 *
 * Start several, each with a name, append to jobs/1, and kill -9 the one that works: another begins with
 * the same messages when the lease is over, two seconds later. From a project of your own the import is
 * `from "durable-streams/client"`.
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "../src/client/mod.ts";

const [name = "worker"] = process.argv.slice(2);
const client = new Client(process.env.DURABLE_STREAMS_URL ?? "http://127.0.0.1:4437/v1/stream");

// Each of the pool does this as it starts; only the first changes anything.
await client.create("wakes", { contentType: "application/json" });
await client.subscription("jobs").create({
  pattern: "jobs/*",
  wakeStream: "wakes",
  leaseMs: 2_000,
});

const worker = client.worker("jobs", {
  name,
  maxElapsedMs: Infinity,
  async handler({ path, messages, signal }) {
    for (const message of messages) {
      console.log(`${name} begins with ${message.text()} of ${path}`);
      // Stands for work that takes its time. The signal ends it where another worker has taken over.
      await sleep(Number(process.env.JOB_MS ?? 3_000), undefined, { signal });
      console.log(`${name} is done with ${message.text()} of ${path}`);
    }
  },
  onError: (error) => console.error(`${name}:`, error),
});

// What it has begun is finished and acknowledged.
process.on("SIGTERM", () => worker.stop());
console.log(`${name} waits for work`);
await worker.run();
