import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { rejectsWith } from "../support/expect.ts";
import { type It, JSON_TYPE, type Subject, TEXT } from "./kit.ts";

/** The smallest chunk size there is: a block's. */
const LEAST_CHUNK = 4096;

/** Reads a stream chunk by chunk; returns the chunks. */
async function chunks(
  { storage }: Subject,
  name: string,
  limitBytes: number,
  from = 0,
): Promise<string[]> {
  const found: string[] = [];
  for (let at = from;;) {
    const { data, start, next, tail } = await storage.read(name, at, limitBytes);
    equal(start, at);
    equal(next, at + data.length);
    if (next === tail) return data.length === 0 ? found : [...found, decode(data)];
    ok(data.length > 0, `a read at ${at} of ${tail} gives something`);
    found.push(decode(data));
    at = next;
  }
}

function decode(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** Messages of many sizes, some longer than a block. */
function messages(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const size = i % 17 === 0 ? 5000 : (i * 7919) % 700;
    return `${i}:${"abcdefghij".repeat(500).slice(0, size)}|`;
  });
}

/** Reading and chunks. */
export function describeReads(it: It): void {
  it("a read starts anywhere in a byte stream", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    await streams.text("s", "hello ");
    await streams.text("s", "world");
    for (let at = 0; at <= 11; at++) equal(await streams.all("s", at), "hello world".slice(at));
  });

  it("a read at the tail is empty", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
    for (const from of [3, "now"] as const) {
      const { data, start, next, tail } = await storage.read("s", from, LEAST_CHUNK);
      equal([data.length, start, next, tail], [0, 3, 3, 3]);
    }
  });

  it("a read past the tail is refused", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
    await rejectsWith(storage.read("s", 4, LEAST_CHUNK), "offset_past_tail");
    await rejectsWith(storage.read("s", 1e15, LEAST_CHUNK), "offset_past_tail");
  });

  it("a read says what the stream is", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
    const { data: _data, start: _start, next: _next, ...info } = await storage.read(
      "s",
      0,
      LEAST_CHUNK,
    );
    equal(info, await storage.head("s"));
  });

  it("chunks of bytes end at messages and add up", async (subject) => {
    const { storage, streams } = subject;
    const sent = messages(60);
    await storage.create("s", { contentType: TEXT });
    for (const message of sent) await streams.text("s", message);
    const lengths = new Set(
      sent.reduce<number[]>((ends, message) => [...ends, (ends.at(-1) ?? 0) + message.length], []),
    );
    for (const limit of [LEAST_CHUNK, 10_000, 1 << 20]) {
      const found = await chunks(subject, "s", limit);
      equal(found.join(""), sent.join(""));
      let at = 0;
      for (const chunk of found) {
        at += chunk.length;
        ok(lengths.has(at), `a chunk of at most ${limit} ends at ${at}, inside a message`);
        ok(chunk.length <= limit || sent.includes(chunk), `${chunk.length} is more than ${limit}`);
      }
    }
  });

  it("chunks of JSON end at messages and add up", async (subject) => {
    const { storage, streams } = subject;
    const sent = messages(60).map((message) => JSON.stringify(message));
    await storage.create("s", { contentType: JSON_TYPE });
    for (let i = 0; i < sent.length; i += 10) {
      await streams.json("s", `[${sent.slice(i, i + 10).join(", ")}]`);
    }
    for (const limit of [LEAST_CHUNK, 10_000, 1 << 20]) {
      const found = await chunks(subject, "s", limit);
      equal(found.join(""), sent.map((message) => `${message},\n`).join(""));
      for (const chunk of found) {
        ok(chunk.endsWith(",\n"));
        ok(chunk.length <= limit || chunk.indexOf(",\n") === chunk.length - 2);
      }
    }
  });

  it("a chunk isn't needlessly small", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("s", { contentType: TEXT });
    for (let i = 0; i < 40; i++) await streams.text("s", "x".repeat(1000));
    const found = await chunks(subject, "s", 12_000);
    ok(found.slice(0, -1).every((chunk) => chunk.length > 12_000 - 2 * LEAST_CHUNK));
  });

  it("a message longer than the chunk comes whole", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("s", { contentType: TEXT });
    await streams.text("s", "a");
    await streams.text("s", "b".repeat(50_000));
    await streams.text("s", "c");
    equal((await chunks(subject, "s", LEAST_CHUNK)).map((chunk) => chunk.length), [1, 50_000, 1]);
    await storage.create("j", { contentType: JSON_TYPE });
    const long = JSON.stringify("b".repeat(50_000));
    await streams.json("j", `[1, ${long}, 2]`);
    equal(await chunks(subject, "j", LEAST_CHUNK), ["1,\n", `${long},\n`, "2,\n"]);
  });

  it("chunks from the middle of a byte stream add up", async (subject) => {
    const { storage, streams } = subject;
    const whole = messages(40).join("");
    await storage.create("s", { contentType: TEXT });
    for (const message of messages(40)) await streams.text("s", message);
    for (const from of [1, 4095, 4096, 4097, 9000, whole.length - 1]) {
      equal((await chunks(subject, "s", LEAST_CHUNK, from)).join(""), whole.slice(from));
    }
  });

  it("a JSON offset inside a message is refused", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE });
    const sent = Array.from({ length: 40 }, (_, i) => JSON.stringify(`${i}`.repeat(200)));
    const ends = [0];
    for (const message of sent) ends.push((await streams.json("s", message)).tail);
    for (const end of ends) equal((await storage.read("s", end, LEAST_CHUNK)).start, end);
    for (const end of ends.slice(1)) {
      await rejectsWith(storage.read("s", end - 1, LEAST_CHUNK), "invalid_offset");
      await rejectsWith(storage.read("s", end - 2, LEAST_CHUNK), "invalid_offset");
    }
    await rejectsWith(storage.read("s", 1, LEAST_CHUNK), "invalid_offset");
  });

  it("a separator inside a JSON string is no boundary", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE });
    await streams.json("s", '["a,\\nb", [1,\n2]]');
    const whole = await streams.all("s");
    const boundaries = [...whole].map((_, at) => at)
      .filter((at) => at === 0 || whole.slice(0, at).endsWith(",\n"));
    equal(boundaries, [0, 9]);
    for (let at = 0; at < whole.length; at++) {
      const read = storage.read("s", at, LEAST_CHUNK);
      if (boundaries.includes(at)) await read;
      else await rejectsWith(read, "invalid_offset");
    }
  });

  it("reads while appends go on see whole messages in order", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const sent = messages(80);
    const writing = (async () => {
      for (const message of sent) await streams.text("s", message);
    })();
    let seen = "";
    while (seen.length < sent.join("").length) {
      const { data, tail } = await storage.read("s", seen.length, LEAST_CHUNK);
      seen += decode(data);
      ok(seen.length <= tail);
      ok(sent.join("").startsWith(seen));
      if (data.length === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
  });
}
