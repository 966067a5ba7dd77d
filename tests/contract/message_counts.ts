import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import type { MessageCount } from "../../src/storage/storage.ts";
import { Random } from "../support/random.ts";
import { type It, JSON_TYPE, type Subject, TEXT } from "./kit.ts";

const BLOCK_BYTES = 4096;

/** A message as a test remembers it. */
interface Sent {
  start: number;
  end: number;
  atMs: number;
}

/** Appends messages of many sizes while the time goes on: in a JSON stream also several at once. */
async function send(
  { storage, clock }: Subject,
  name: string,
  random: Random,
  count: number,
): Promise<Sent[]> {
  const { contentType, tail } = await storage.head(name);
  const sent: Sent[] = [];
  for (let at = tail; sent.length < count;) {
    const texts = Array.from(
      { length: contentType === JSON_TYPE ? random.between(1, 4) : 1 },
      () => {
        const length = random.chance(0.1) ? random.between(4000, 9000) : random.between(1, 900);
        return `${sent.length}`.padEnd(length, "x");
      },
    );
    const text = contentType === JSON_TYPE ? JSON.stringify(texts) : texts.join("");
    await storage.append(name, { contentType, body: encodeUtf8(text) });
    for (const text of texts) {
      const end = at + text.length + (contentType === JSON_TYPE ? 4 : 0);
      sent.push({ start: at, end, atMs: clock.nowMs() });
      at = end;
    }
    clock.advance(random.between(0, 6));
  }
  equal((await storage.head(name)).tail, sent.at(-1)?.end);
  return sent;
}

async function startOfLast({ storage }: Subject, name: string, count: number): Promise<number> {
  return (await storage.read(name, { lastMessages: count }, BLOCK_BYTES)).start;
}

async function countBefore(
  { storage }: Subject,
  name: string,
  offset: number,
): Promise<MessageCount> {
  if (storage.countBefore === undefined) throw new Error("The storage counts no messages.");
  return await storage.countBefore(name, offset);
}

async function checkJson(
  subject: Subject,
  name: string,
  random: Random,
  sent: readonly Sent[],
): Promise<void> {
  const { tail, messages } = await subject.storage.head(name);
  if (messages !== undefined) equal(messages, sent.length);
  for (const count of [1, sent.length, sent.length + 1, random.below(sent.length) + 1]) {
    const first = sent[Math.max(0, sent.length - count)]?.start;
    equal(await startOfLast(subject, name, count), first, `the last ${count} of ${sent.length}`);
  }
  equal(await startOfLast(subject, name, 0), tail);
  for (const index of [sent.length - 1, random.below(sent.length)]) {
    const message = sent[index];
    const found = await countBefore(subject, name, message?.end ?? 0);
    equal(found.messages, index + 1);
    const later = sent.find(({ end }) => end > (message?.end ?? 0) + BLOCK_BYTES);
    ok(found.lastAtMs >= (message?.atMs ?? 0) && found.lastAtMs <= (later?.atMs ?? Infinity));
  }
}

async function checkBytes(
  subject: Subject,
  name: string,
  random: Random,
  sent: readonly Sent[],
): Promise<void> {
  const { tail, messages } = await subject.storage.head(name);
  equal(messages, sent.length);
  const boundaries = new Set(sent.map(({ start }) => start));
  for (const count of [1, 2, sent.length, random.below(sent.length) + 1]) {
    const first = sent[sent.length - count]?.start ?? 0;
    const start = await startOfLast(subject, name, count);
    ok(start <= first, `the last ${count} begin at ${first}, and not at ${start}`);
    ok(first - start < BLOCK_BYTES, `${start} is more than a block before ${first}`);
    ok(boundaries.has(start), `${start} is inside of a message`);
  }
  equal(await startOfLast(subject, name, 0), tail);
  equal(await startOfLast(subject, name, sent.length + 1), 0);
  equal((await countBefore(subject, name, tail)).messages, sent.length);
  for (let at = 0; at < tail;) {
    const { next } = await subject.storage.read(name, at, BLOCK_BYTES);
    const exact = sent.findIndex(({ end }) => end === next) + 1;
    equal((await countBefore(subject, name, next)).messages, exact, `${next} is a block's end`);
    at = next;
  }
}

/** How many messages there are, and where the last ones begin (extensions). */
export function describeMessageCounts(it: It): void {
  it("the last messages of a JSON stream are exact, and so are its numbers", async (subject) => {
    const random = new Random(21);
    await subject.storage.create("s", { contentType: JSON_TYPE });
    const sent: Sent[] = [];
    for (let i = 0; i < 4; i++) {
      sent.push(...await send(subject, "s", random, 15));
      await checkJson(subject, "s", random, sent);
    }
  });

  it("the last messages of a byte stream are all there, with at most a block before", async (subject) => {
    const random = new Random(22);
    await subject.storage.create("s", { contentType: TEXT });
    const sent: Sent[] = [];
    for (let i = 0; i < 4; i++) {
      sent.push(...await send(subject, "s", random, 15));
      await checkBytes(subject, "s", random, sent);
    }
  });

  it("an array's elements are counted one by one, and those that a stream begins with", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("s", { contentType: JSON_TYPE, body: encodeUtf8("[1,2,[3,4]]") });
    await streams.json("s", '{"five":5}');
    equal((await storage.head("s")).messages, 4);
    equal(await streams.all("s", await startOfLast(subject, "s", 2)), '[3,4],\n{"five":5},\n');
    await storage.create("t", { contentType: TEXT, body: encodeUtf8("one") });
    await streams.text("t", "two");
    equal((await storage.head("t")).messages, 2);
    await storage.create("none", { contentType: JSON_TYPE });
    equal(await countBefore(subject, "none", 0), { messages: 0, lastAtMs: 0 });
    equal(await startOfLast(subject, "none", 5), 0);
  });

  it("a fork's numbers go on from its source's", async (subject) => {
    const { storage } = subject;
    const random = new Random(23);
    await storage.create("a", { contentType: JSON_TYPE });
    const sent = await send(subject, "a", random, 40);
    for (const [name, source, kept] of [["b", "a", 23], ["c", "b", 31], ["d", "c", 31]] as const) {
      sent.length = kept;
      await storage.create(name, { fork: { source, offset: sent[kept - 1]?.end ?? 0 } });
      await checkJson(subject, name, random, sent);
      // What the source gets from now on isn't the fork's.
      await send(subject, source, random, 4);
      sent.push(...await send(subject, name, random, 12));
      await checkJson(subject, name, random, sent);
    }
    await storage.delete("a");
    await checkJson(subject, "d", random, sent);
  });

  it("a fork of a byte stream at its tail goes on from its number", async (subject) => {
    const { storage } = subject;
    const random = new Random(24);
    await storage.create("a", { contentType: TEXT });
    const sent = await send(subject, "a", random, 30);
    await storage.create("b", { fork: { source: "a" } });
    await send(subject, "a", random, 3);
    sent.push(...await send(subject, "b", random, 5));
    const { messages } = await storage.head("b");
    equal(messages, sent.length);
    for (const count of [1, 5, 6, 20, 35, 36]) {
      const first = sent[Math.max(0, sent.length - count)]?.start ?? 0;
      const start = await startOfLast(subject, "b", count);
      ok(start <= first && first - start < 2 * BLOCK_BYTES, `${count}: ${start}, not ${first}`);
    }
  });

  it("a fork inside of a byte stream's block has all of its last messages", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("a", { contentType: TEXT });
    for (let i = 0; i < 10; i++) await streams.text("a", `${i}`.repeat(500));
    await storage.create("b", { fork: { source: "a", offset: 1234 } });
    await streams.text("b", "own");
    equal(await startOfLast(subject, "b", 1), 1234);
    // Where a block is known to have several, its start; else that of the message itself.
    ok([0, 500].includes(await startOfLast(subject, "b", 2)));
  });

  it("what is past the tail isn't counted", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("s", { contentType: TEXT });
    await streams.text("s", "abc");
    await rejects(() => countBefore(subject, "s", 4), { code: "offset_past_tail" });
    await rejects(() => countBefore(subject, "none", 0), { code: "not_found" });
    await rejects(
      () => storage.read("none", { lastMessages: 1 }, BLOCK_BYTES),
      { code: "not_found" },
    );
  });
}
