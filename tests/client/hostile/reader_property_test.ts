import type { Client } from "../../../src/client/client.ts";
import type { ReadMode } from "../../../src/client/reader/read_mode.ts";
import { type Bytes, concatBytes } from "../../../src/protocol/bytes.ts";
import { type FaultWeights, randomFaults } from "../../support/hostile_proxy/random_faults.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { Random } from "../../support/random.ts";
import { atSite, FIRST_SEED, RUNS } from "./hostile_kit.ts";
import {
  checkSeen,
  contentOf,
  type Kind,
  readWithStops,
  someMessage,
  startsIn,
  TYPES,
} from "./reader_history.ts";

const PATH = "log/a b";
const MODES: readonly ReadMode[] = ["auto", "sse", "long-poll", "catch-up"];
const MESSAGES = 120;

/** Appends the messages in batches of any size, now at once and now later, and closes the stream. */
async function write(
  client: Client,
  kind: Kind,
  messages: readonly Bytes[],
  random: Random,
): Promise<void> {
  const comma = new TextEncoder().encode(",");
  const [open, close] = [Uint8Array.of(0x5b), Uint8Array.of(0x5d)];
  const writer = client.writer(PATH, { contentType: TYPES[kind] });
  for (let at = 0; at < messages.length;) {
    const batch = messages.slice(at, at + random.between(1, 12));
    at += batch.length;
    const parts = kind === "json"
      ? [open, ...batch.flatMap((message, i) => i === 0 ? [message] : [comma, message]), close]
      : batch;
    await writer.send(concatBytes(parts), { close: at >= messages.length && random.chance(0.5) });
    if (random.chance(0.3)) await new Promise((resolve) => setTimeout(resolve, random.below(40)));
    else await yieldToEventLoop();
  }
  await writer.close();
}

async function runHistory(seed: number, kind: Kind, weights: FaultWeights): Promise<void> {
  const random = new Random(seed);
  const faults = randomFaults(seed, { weights, maxBodyBytes: random.pick([60, 300, 5_000]) });
  await faults.run(() =>
    atSite({ decide: faults.decide }, async ({ client, direct }) => {
      const messages = Array.from(
        { length: MESSAGES },
        (_, i) => someMessage(kind, i, random),
      );
      const half = random.below(MESSAGES);
      await direct.create(PATH, { contentType: TYPES[kind] });
      const early = direct.writer(PATH, { contentType: TYPES[kind] });
      for (const message of messages.slice(0, half)) {
        await (kind === "json"
          ? early.sendJson(JSON.parse(new TextDecoder().decode(message)))
          : early.send(message));
      }
      const starts = await startsIn(direct, PATH, kind);
      const all = contentOf(kind, messages);
      const writing = write(direct, kind, messages.slice(half), random.split());
      const reading = MODES.map(async (mode) => {
        const own = random.split();
        const start = own.pick(starts);
        const seen = await readWithStops(client, PATH, mode, start, own);
        try {
          checkSeen(kind, all, start, seen);
        } catch (cause) {
          throw new Error(`A reader in mode ${mode} from ${JSON.stringify(start)}`, { cause });
        }
      });
      await Promise.all([writing, ...reading]);
    })
  );
}

/** What a reader sees through in streams of this kind; a cut end that nobody can tell shows in JSON only. */
const WEIGHTS: Readonly<Record<Kind, FaultWeights>> = {
  json: { "end-body": 1, "strip-headers": 1, buffer: 1, cache: 1 },
  text: { "strip-headers": 1, buffer: 1, cache: 1 },
  binary: { "strip-headers": 1, buffer: 1, cache: 1 },
};

for (const kind of ["json", "text", "binary"] as const) {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    Deno.test(`readers of ${kind} in every mode see all once and in order, whatever a proxy does (seed ${seed})`, async () => {
      await runHistory(seed, kind, WEIGHTS[kind]);
    });
  }
}
