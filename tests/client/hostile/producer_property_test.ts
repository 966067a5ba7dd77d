import { deepStrictEqual as equal } from "node:assert";
import type { Client } from "../../../src/client/client.ts";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import type { Producer } from "../../../src/client/producer/producer.ts";
import type { ProducerOptions } from "../../../src/client/producer/options.ts";
import type { Receipt } from "../../../src/client/producer/batch.ts";
import { randomFaults } from "../../support/hostile_proxy/random_faults.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { Random } from "../../support/random.ts";
import { atSite, FIRST_SEED, RUNS, type Site } from "./hostile_kit.ts";

const PATH = "log";
const PRODUCERS = 3;
const MESSAGES = 80;
const LAST = 30;

/** What becomes of a producer in the middle: none, its place kept, the next epoch, or a claim. */
type Restart = "never" | "place" | "epoch" | "claim";

/** One message per line, or per element. */
function read(client: Client, isJson: boolean): Promise<string[]> {
  const whole = async () => {
    let text = "";
    const values: string[] = [];
    for await (const message of client.reader(PATH, { readMode: "catch-up" })) {
      if (isJson) values.push(message.json<string>());
      else text += message.text();
    }
    return isJson ? values : text.split("\n").slice(0, -1);
  };
  return whole();
}

function batching(random: Random): Partial<ProducerOptions> {
  return {
    lingerMs: random.pick([0, 1, 5, Infinity]),
    maxBatchMessages: random.pick([1, 3, 10_000]),
    maxBatchBytes: random.pick([1, 60, 4_000]),
    maxInFlight: random.pick([1, 2, 4, 8]),
    maxBufferedBytes: random.pick([1, 2_000, 1_000_000]),
    maxElapsedMs: Infinity,
  };
}

/** Sends all messages of one producer, which is begun anew now and then. */
async function produce(
  client: Client,
  id: string,
  isJson: boolean,
  restart: Restart,
  random: Random,
): Promise<void> {
  const contentType = isJson ? "application/json" : "text/plain";
  const begin = (options: Partial<ProducerOptions>): Producer =>
    client.producer(PATH, {
      id,
      ...batching(random),
      ...(random.chance(0.5) ? { contentType } : {}),
      autoClaim: restart === "claim",
      ...options,
    });
  let producer = begin({});
  let receipts: Receipt[] = [];
  for (let i = 0; i < MESSAGES; i++) {
    const message = `${id}:${i}:${"\u00e9".repeat(random.below(20))}`;
    receipts.push(await (isJson ? producer.sendJson(message) : producer.send(`${message}\n`)));
    if (random.chance(0.1)) await producer.flush();
    if (random.chance(0.2)) await yieldToEventLoop();
    if (restart === "never" || !random.chance(0.05)) continue;
    await producer.close();
    await Promise.all(receipts.map(({ stored }) => stored));
    receipts = [];
    const { epoch, seq } = producer;
    if (restart === "place") producer = begin({ epoch, seq });
    if (restart === "epoch") producer = begin({ epoch: epoch + 1 });
    if (restart === "claim") producer = begin({});
  }
  await producer.close();
  await Promise.all(receipts.map(({ stored }) => stored));
}

/** The messages of each producer in the order in which they stand in the stream. */
function byProducer(stored: readonly string[]): string[][] {
  return Array.from(
    { length: PRODUCERS },
    (_, p) =>
      stored.filter((message) => message.startsWith(`p${p}:`))
        .map((message) => message.slice(0, message.lastIndexOf(":"))),
  );
}

function expected(): string[][] {
  return Array.from(
    { length: PRODUCERS },
    (_, p) => Array.from({ length: MESSAGES }, (_, i) => `p${p}:${i}`),
  );
}

async function runHistory(seed: number, isJson: boolean): Promise<void> {
  const random = new Random(seed);
  const faults = randomFaults(seed, {
    weights: { "strip-headers": 1, buffer: 1, reorder: 3, duplicate: 3, "drop-answer": 3 },
    maxPerKey: 400,
  });
  // Who claims an epoch fails where its first batch may have been another's: nothing is lost or doubled.
  const claiming = randomFaults(seed, {
    weights: {
      duplicate: 0,
      "drop-answer": 0,
      "status-after": 0,
      refuse: 0,
      status: 0,
      "cut-body": 0,
      reorder: 3,
    },
  });
  const restarts: Restart[] = ["never", "place", "epoch"];
  const isClaiming = seed % 3 === 0;
  const used = isClaiming ? claiming : faults;
  await used.run(() =>
    atSite({ decide: used.decide }, async (site: Site) => {
      const { client, direct } = site;
      await client.create(PATH, { contentType: isJson ? "application/json" : "text/plain" });
      await Promise.all(Array.from({ length: PRODUCERS }, (_, p) => {
        const own = random.split();
        return produce(client, `p${p}`, isJson, isClaiming ? "claim" : own.pick(restarts), own);
      }));
      // The close goes right behind messages that are still under way.
      const last = client.producer(PATH, { id: "last", ...batching(random) });
      const lastOnes = Array.from({ length: LAST }, (_, i) => `last:${i}:`);
      for (const message of lastOnes) {
        await (isJson ? last.sendJson(message) : last.send(`${message}\n`));
      }
      await last.closeStream();
      const stored = await read(direct, isJson);
      equal(byProducer(stored), expected());
      equal(stored.slice(-LAST), lastOnes);
      equal((await direct.head(PATH)).closed, true);
    })
  );
}

for (const isJson of [true, false]) {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const what = isJson ? "JSON" : "text";
    Deno.test(`producers of ${what} store each message once and in order, whatever a proxy does (seed ${seed})`, async () => {
      await runHistory(seed, isJson);
    });
  }
}

for (const status of [429, 500, 503]) {
  Deno.test(`a producer behind a server that answers ${status} gives up after maxElapsedMs, and says what is lost`, async () => {
    await atSite({
      decide: (request) =>
        request.method === "POST" ? { kind: "status", status } : { kind: "pass" },
    }, async ({ client }) => {
      await client.create(PATH, { contentType: "text/plain" });
      const producer = client.producer(PATH, { id: "p", maxElapsedMs: 50 });
      const { stored } = await producer.send("x");
      const error = await stored.then(() => undefined, (error: unknown) => error);
      equal(error instanceof ClientError && error.undelivered, {
        lost: status === 429 ? 1 : 0,
        unknown: status === 429 ? 0 : 1,
      });
    });
  });
}
