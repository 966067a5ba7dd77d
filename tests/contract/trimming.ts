import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { spaceAt } from "../../src/protocol/offset.ts";
import type { ReadFrom } from "../../src/protocol/offset.ts";
import type { StreamChange, Updated } from "../../src/storage/storage.ts";
import { Random } from "../support/random.ts";
import { type It, JSON_TYPE, type Subject, TEXT } from "./kit.ts";

const ALL_BYTES = 1 << 30;

/** Changes a stream. */
export async function update(
  { storage }: Subject,
  name: string,
  change: StreamChange,
): Promise<Updated> {
  if (storage.update === undefined) throw new Error("The storage keeps all of every stream.");
  return await storage.update(name, change);
}

/** Trims a stream by hand; where it begins then. */
export async function trim(subject: Subject, name: string, before: number): Promise<number> {
  return (await update(subject, name, { trimBefore: before })).earliest;
}

/** An offset as a client names it. */
async function named({ storage }: Subject, name: string, position: number): Promise<ReadFrom> {
  const { space } = await storage.head(name);
  return { space: spaceAt(space, position), position };
}

async function textFrom(subject: Subject, name: string, from: ReadFrom): Promise<string> {
  const { data } = await subject.storage.read(name, from, ALL_BYTES);
  return new TextDecoder().decode(data);
}

/** Trimming by hand (an extension). */
export function describeTrimming(it: It): void {
  describeTrims(it);
  describeTrimmedReads(it);
  describeTrimmedForks(it);
}

function describeTrims(it: It): void {
  it("what was trimmed can't be read any more, and a stream then begins behind it", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("one") });
    await streams.text("s", "twothree");
    equal((await storage.head("s")).earliest, 0);
    const updated = await update(subject, "s", { trimBefore: 4 });
    equal([updated.earliest, updated.tail], [4, 11]);
    equal((await storage.head("s")).earliest, 4);
    equal(await textFrom(subject, "s", 0), "wothree", "-1 is the start, wherever that is");
    equal(await textFrom(subject, "s", await named(subject, "s", 4)), "wothree");
    const { space } = await storage.head("s");
    for (const position of [0, 1, 3]) {
      await rejects(
        async () => storage.read("s", await named(subject, "s", position), ALL_BYTES),
        { failure: { code: "offset_trimmed", space: spaceAt(space, 4), earliest: 4 } },
      );
    }
    await streams.text("s", "!");
    equal(await textFrom(subject, "s", 0), "wothree!");
  });

  it("a trim only ever goes forward, and not past the tail", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("0123456789") });
    equal(await trim(subject, "s", 7), 7);
    equal(await trim(subject, "s", 3), 7);
    equal(await trim(subject, "s", 7), 7);
    await rejects(() => trim(subject, "s", 11), { code: "offset_past_tail" });
    equal(await trim(subject, "s", 10), 10);
    equal(await textFrom(subject, "s", 0), "");
    equal((await streams.text("s", "ab")).tail, 12);
    equal(await textFrom(subject, "s", 0), "ab");
    await rejects(() => trim(subject, "none", 0), { code: "not_found" });
  });

  it("a JSON stream is trimmed between messages", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("s", { contentType: JSON_TYPE, body: encodeUtf8('["a","b","c"]') });
    await rejects(() => trim(subject, "s", 4), { code: "invalid_offset" });
    equal((await storage.head("s")).earliest, 0);
    equal(await trim(subject, "s", 5), 5);
    await streams.json("s", '"d"');
    equal(await textFrom(subject, "s", 0), '"b",\n"c",\n"d",\n');
    equal((await storage.head("s")).messages, 4, "those that are gone count all the same");
    equal(await textFrom(subject, "s", { lastMessages: 2 }), '"c",\n"d",\n');
    equal(await textFrom(subject, "s", { lastMessages: 9 }), '"b",\n"c",\n"d",\n');
    equal(await textFrom(subject, "s", { lastBytes: 100 }), '"b",\n"c",\n"d",\n');
    const count = await storage.countBefore?.("s", 5);
    equal(count?.messages, 1);
    equal((await storage.countBefore?.("s", 10))?.messages, 2);
  });

  it("a closed stream can be trimmed, a deleted one can't", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abcdef") });
    await streams.close("s");
    equal(await trim(subject, "s", 2), 2);
    equal((await storage.head("s")).closed, true);
    equal(await textFrom(subject, "s", 0), "cdef");
    await storage.delete("s");
    await rejects(() => trim(subject, "s", 3), { code: "not_found" });
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("new") });
    equal(await textFrom(subject, "s", 0), "new");
    equal((await storage.head("s")).earliest, 0);
  });

  it("a trim by time ends where a block does, at or before it", async (subject) => {
    const { storage, streams, clock } = subject;
    await storage.create("s", { contentType: TEXT });
    for (let i = 0; i < 4; i++) {
      await streams.text("s", `${i}`.repeat(4096));
      clock.advance(1000);
    }
    const { earliest } = await update(subject, "s", {
      trimBefore: { beforeMs: clock.nowMs() - 2000 },
    });
    equal(earliest, 2 * 4096);
    equal((await textFrom(subject, "s", 0)).slice(0, 3), "222");
    const all = await update(subject, "s", { trimBefore: { beforeMs: clock.nowMs() + 1 } });
    equal(all.earliest, 4 * 4096);
  });
}

function describeTrimmedReads(it: It): void {
  it("all that is left of long streams is as it was, wherever they are trimmed", async (subject) => {
    const random = new Random(29);
    const { storage, streams } = subject;
    for (const contentType of [TEXT, JSON_TYPE]) {
      const name = contentType === TEXT ? "bytes" : "json";
      await storage.create(name, { contentType });
      let all = "";
      const ends = [0];
      let earliest = 0;
      for (let round = 0; round < 8; round++) {
        for (let i = random.between(1, 8); i > 0; i--) {
          const text = `${i}`.padEnd(random.between(1, 3000), "x");
          const body = contentType === TEXT ? text : JSON.stringify(text);
          if (contentType === TEXT) await streams.text(name, body);
          else await streams.json(name, body);
          all += contentType === TEXT ? body : `${body},\n`;
          ends.push(all.length);
        }
        const later = ends.filter((end) => end >= earliest);
        earliest = later[random.below(later.length)] ?? 0;
        equal(await trim(subject, name, earliest), earliest);
        equal(await textFrom(subject, name, 0), all.slice(earliest));
        for (const end of ends) {
          const read = textFrom(subject, name, await named(subject, name, end));
          if (end >= earliest) equal(await read, all.slice(end));
          else await rejects(read, { code: "offset_trimmed" });
          if (contentType === TEXT || end < earliest) continue;
          equal((await storage.countBefore?.(name, end))?.messages, ends.indexOf(end));
        }
        const count = random.between(1, ends.length);
        const first = Math.max(earliest, ends[ends.length - 1 - count] ?? 0);
        const { start } = await storage.read(name, { lastMessages: count }, 1);
        if (contentType === JSON_TYPE) equal(start, first);
        else ok(start <= first && start >= earliest, `${start} of ${first}`);
        equal((await storage.head(name)).messages, ends.length - 1);
      }
    }
  });

  it("who is up to date at a trim goes on", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
    const tail = await named(subject, "s", 3);
    equal(await trim(subject, "s", 3), 3);
    equal(await textFrom(subject, "s", tail), "");
    await streams.text("s", "d");
    equal(await textFrom(subject, "s", tail), "d");
  });
}

function describeTrimmedForks(it: It): void {
  it("a fork keeps what it could read, and its source gives it up", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("a", { contentType: TEXT, body: encodeUtf8("x".repeat(9000)) });
    await streams.text("a", "0123456789");
    await storage.create("b", { fork: { source: "a", offset: 9005 } });
    await storage.create("c", { fork: { source: "b" } });
    await streams.text("b", "BBB");
    equal(await trim(subject, "a", 9008), 9008);
    equal(await textFrom(subject, "a", 0), "89");
    equal(await textFrom(subject, "b", 9000), "01234BBB");
    equal(await textFrom(subject, "c", 9000), "01234");
    equal((await textFrom(subject, "b", 0)).length, 9008);
    equal(await trim(subject, "b", 9006), 9006);
    equal(await textFrom(subject, "b", 0), "BB");
    equal((await textFrom(subject, "c", 0)).length, 9005, "a fork's fork keeps it too");
    await storage.delete("a");
    equal(await textFrom(subject, "c", 9000), "01234");
    await storage.delete("c");
    equal(await textFrom(subject, "b", 0), "BB");
    await streams.text("b", "!");
    equal(await textFrom(subject, "b", 0), "BB!");
  });

  it("a fork begins where its source does, and can't be made before that", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("a", { contentType: TEXT, body: encodeUtf8("0123456789") });
    await trim(subject, "a", 4);
    await rejects(
      storage.create("b", { fork: { source: "a", offset: 3 } }),
      { code: "offset_trimmed" },
    );
    await storage.create("b", { fork: { source: "a", offset: 6 } });
    equal((await storage.head("b")).earliest, 4);
    equal(await textFrom(subject, "b", 0), "45");
    await rejects(storage.read("b", 3, 10), { code: "offset_trimmed" });
    await trim(subject, "a", 10);
    equal(await textFrom(subject, "b", 0), "45");
    await storage.create("empty", { fork: { source: "a", offset: 10 } });
    equal(await textFrom(subject, "empty", 0), "");
    await streams.text("empty", "new");
    equal(await textFrom(subject, "empty", 0), "new");
  });
}
