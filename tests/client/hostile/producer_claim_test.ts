import { deepStrictEqual as equal, ok } from "node:assert";
import type { Client } from "../../../src/client/client.ts";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import type { Receipt } from "../../../src/client/producer/batch.ts";
import { type FaultWeights, randomFaults } from "../../support/hostile_proxy/random_faults.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { Random } from "../../support/random.ts";
import { atSite, FIRST_SEED, RUNS } from "./hostile_kit.ts";

const PATH = "log";
const LIVES = 5;
const MESSAGES = 25;

/** What a message's receipt says in the end. */
type Outcome = "stored" | "lost" | "unknown";

/** One life of a producer that claims; the fate of each of its messages, by the message. */
async function live(client: Client, life: number, random: Random): Promise<Map<string, Outcome>> {
  const producer = client.producer(PATH, {
    id: "p",
    autoClaim: true,
    contentType: "application/json",
    maxBatchMessages: random.pick([1, 3, 100]),
    maxInFlight: random.pick([1, 4]),
    lingerMs: random.pick([0, 5]),
    maxElapsedMs: random.pick([5, 60_000]),
  });
  const receipts = new Map<string, Promise<Receipt>>();
  for (let i = 0; i < MESSAGES; i++) {
    const message = `${life}:${i}`;
    const receipt = producer.sendJson(message);
    receipts.set(message, receipt);
    await receipt.catch(() => {});
    if (random.chance(0.3)) await yieldToEventLoop();
  }
  await producer.close().catch(() => {});
  const outcomes = new Map<string, Outcome>();
  for (const [message, receipt] of receipts) {
    const stored = receipt.then(({ stored }) => stored);
    outcomes.set(message, await stored.then((): Outcome => "stored", outcomeIn));
  }
  return outcomes;
}

function outcomeIn(error: unknown): Outcome {
  ok(error instanceof ClientError, `${error}`);
  return error.undelivered?.unknown === 1 ? "unknown" : "lost";
}

/** Lets producers claim the same id, and checks what they say of each message. */
async function fight(seed: number, weights: FaultWeights, atOnce: boolean): Promise<void> {
  const random = new Random(seed);
  const faults = randomFaults(seed, { weights, maxPerKey: 300 });
  await faults.run(() =>
    atSite({ decide: faults.decide }, async ({ client, direct }) => {
      await direct.create(PATH, { contentType: "application/json" });
      const lives: Promise<Map<string, Outcome>>[] = [];
      for (let life = 0; life < LIVES; life++) {
        const lived = live(client, life, random.split());
        lives.push(lived);
        if (!atOnce) await lived;
      }
      const outcomes = (await Promise.all(lives)).flatMap((map) => [...map]);
      const stored: string[] = [];
      const reader = direct.reader(PATH, { readMode: "catch-up" });
      for await (const value of reader.json<string>()) stored.push(value);
      for (const [message, outcome] of outcomes) {
        const times = stored.filter((other) => other === message).length;
        const allowed = { stored: [1], lost: [0], unknown: [0, 1] }[outcome];
        ok(allowed.includes(times), `${message} is ${outcome}, and stored ${times} times`);
      }
      for (let life = 0; life < LIVES; life++) {
        const own = stored.filter((message) => message.startsWith(`${life}:`));
        const numbers = own.map((message) => Number(message.split(":")[1]));
        equal(numbers, numbers.toSorted((a, b) => a - b));
      }
    })
  );
}

const LOSSY: FaultWeights = { reorder: 2, duplicate: 2, "drop-answer": 2 };

/** Two at once are told apart only as long as no answer is lost. */
const DELAYS: FaultWeights = {
  refuse: 0,
  "drop-answer": 0,
  status: 0,
  "status-after": 0,
  "cut-body": 0,
  duplicate: 0,
  delay: 4,
  reorder: 4,
};

for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
  Deno.test(`producers that claim an id one after the other tell the truth of every message (seed ${seed})`, async () => {
    await fight(seed, LOSSY, false);
  });

  Deno.test(`producers that claim an id at once tell the truth where no response is lost (seed ${seed})`, async () => {
    await fight(seed, DELAYS, true);
  });
}
