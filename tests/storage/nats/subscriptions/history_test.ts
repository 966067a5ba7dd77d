import { SubscriptionHistory } from "./history.ts";

const SEED = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
const COUNT = Number(Deno.env.get("HISTORIES") ?? 6);

Deno.test("subscriptions on NATS: no wake and no ack is lost over random faults, kills and partitions", async () => {
  for (let i = 0; i < COUNT; i++) {
    const seed = SEED + i;
    const history = new SubscriptionHistory(seed, 40);
    try {
      await history.run();
    } catch (error) {
      if (COUNT === 1) console.log(history.notes.join("\n"));
      throw new Error(`SEED=${seed}`, { cause: error });
    }
    if (Deno.env.has("HISTORIES")) console.log(seed, JSON.stringify(history.counts));
  }
});
