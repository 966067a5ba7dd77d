import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { Random } from "../support/random.ts";
import { type It, JSON_TYPE, type Subject, TEXT } from "./kit.ts";

const BLOCK_BYTES = 4096;

/** A message as a test remembers it. */
interface Sent {
  start: number;
  end: number;
  /** Never before the one before it, whatever the clock does. */
  atMs: number;
}

/** Appends messages of many sizes while the time goes on, some of them longer than a block. */
async function send(
  { storage, clock }: Subject,
  name: string,
  random: Random,
  count: number,
): Promise<Sent[]> {
  const { contentType, tail } = await storage.head(name);
  const isJson = contentType === JSON_TYPE;
  const sent: Sent[] = [];
  let lastMs = 0;
  for (let at = tail; sent.length < count;) {
    const length = random.chance(0.1) ? random.between(4000, 9000) : random.between(1, 1500);
    const text = `${sent.length}`.padEnd(length, "x");
    const body = encodeUtf8(isJson ? JSON.stringify(text) : text);
    const { tail } = await storage.append(name, { contentType, body });
    lastMs = Math.max(lastMs, clock.nowMs());
    sent.push({ start: at, end: tail, atMs: lastMs });
    at = tail;
    if (random.chance(0.8)) clock.advance(random.between(-3, 6));
  }
  return sent;
}

/** Reads from times around messages', and checks that none is left out and few are too many. */
async function checkTimes(
  { storage }: Subject,
  name: string,
  random: Random,
  sent: readonly Sent[],
): Promise<void> {
  const { tail } = await storage.head(name);
  const [first] = sent;
  const some = [first?.atMs ?? 0, ...Array.from({ length: 12 }, () => random.pick(sent).atMs)];
  for (const sinceMs of new Set(some.flatMap((atMs) => [atMs - random.below(2), atMs + 1]))) {
    const { start } = await storage.read(name, { sinceMs }, BLOCK_BYTES);
    const first = sent.find(({ atMs }) => atMs >= sinceMs);
    if (first === undefined) {
      equal(start, tail, `nothing was written at ${sinceMs}`);
      continue;
    }
    ok(start <= first.start, `from ${sinceMs} on: ${start} is behind ${first.start}`);
    ok(first.start - start < BLOCK_BYTES, `${start} is more than a block before ${first.start}`);
    const boundaries = [0, ...sent.map(({ end }) => end)];
    ok(boundaries.includes(start), `${start} is inside a message`);
  }
}

/** Places that a read begins at without naming them (extensions). */
export function describeReadPositions(it: It): void {
  for (const contentType of [TEXT, JSON_TYPE]) {
    it(`a read since a time leaves nothing out: ${contentType}`, async (subject) => {
      const { storage } = subject;
      const random = new Random(11);
      await storage.create("s", { contentType });
      const sent: Sent[] = [];
      for (let i = 0; i < 3; i++) {
        sent.push(...await send(subject, "s", random, 15));
        await checkTimes(subject, "s", random, sent);
      }
    });
  }

  it("a read since a time reaches into a fork's sources", async (subject) => {
    const { storage, clock } = subject;
    const random = new Random(12);
    await storage.create("a", { contentType: TEXT });
    const sent = await send(subject, "a", random, 20);
    for (const [name, source, kept] of [["b", "a", 13], ["c", "b", 20]] as const) {
      sent.length = kept;
      await storage.create(name, { fork: { source, offset: sent[kept - 1]?.end ?? 0 } });
      clock.advance(30);
      // What the source gets from now on isn't the fork's.
      await send(subject, source, random, 8);
      sent.push(...await send(subject, name, random, 15));
      await checkTimes(subject, name, random, sent);
    }
    await storage.delete("a");
    await checkTimes(subject, "c", random, sent);
  });

  it("a read since a time before all messages has them all, and after all of them none", async ({ storage, streams, clock }) => {
    await storage.create("s", { contentType: TEXT });
    await streams.text("s", "abc");
    for (const sinceMs of [0, -1, -1e15]) {
      equal((await storage.read("s", { sinceMs }, BLOCK_BYTES)).start, 0);
    }
    for (const sinceMs of [clock.nowMs() + 1, 1e15]) {
      const { start, data } = await storage.read("s", { sinceMs }, BLOCK_BYTES);
      equal([start, data.length], [3, 0]);
    }
  });

  it("a read of the last bytes of a byte stream is exact", async (subject) => {
    const { storage } = subject;
    await storage.create("s", { contentType: TEXT });
    equal((await storage.read("s", { lastBytes: 5 }, BLOCK_BYTES)).start, 0);
    await send(subject, "s", new Random(13), 30);
    const { tail } = await storage.head("s");
    for (const lastBytes of [0, 1, 4095, 4096, 4097, 9999, tail - 1, tail, tail + 1, 2 ** 53 - 1]) {
      const { start } = await storage.read("s", { lastBytes }, BLOCK_BYTES);
      equal(start, Math.max(0, tail - lastBytes));
    }
  });

  it("a read of the last bytes of JSON begins at the nearest message", async (subject) => {
    const { storage } = subject;
    const random = new Random(14);
    await storage.create("a", { contentType: JSON_TYPE });
    const sent = await send(subject, "a", random, 30);
    sent.length = 25;
    await storage.create("b", { fork: { source: "a", offset: sent[24]?.end ?? 0 } });
    sent.push(...await send(subject, "b", random, 15));
    const boundaries = [0, ...sent.map(({ end }) => end)];
    const { tail } = await storage.head("b");
    const lengths = Array.from({ length: 20 }, () => tail - random.pick(boundaries))
      .map((length) => Math.max(0, length + random.between(-1, 1)));
    for (const lastBytes of [...lengths, 0, tail, tail * 2]) {
      const { start } = await storage.read("b", { lastBytes }, BLOCK_BYTES);
      const expected = boundaries.findLast((end) => end <= Math.max(0, tail - lastBytes));
      equal(start, expected, `${lastBytes} bytes before ${tail}`);
    }
  });
}
