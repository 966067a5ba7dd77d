import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { encodeMessage, type MessageHead } from "../../../../src/storage/nats/format/message.ts";
import { encodeNameEntry } from "../../../../src/storage/nats/format/name_record.ts";
import { JSON_TYPE, Streams, TEXT } from "../../../contract/kit.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { FrontEnds } from "../../../support/nats/front_ends.ts";

const HEAD: MessageHead = {
  frontEnd: 5,
  count: 1,
  previousSequence: 0,
  start: 0,
  atMs: 1,
  accessedAtMs: 1,
  isClosed: false,
  isSoftlyDeleted: false,
};

Deno.test("nats: the last messages are found in few requests, in messages that hold very many", async () => {
  const frontEnds = new FrontEnds();
  const a = await frontEnds.open({ messageCacheBytes: 0, groupBytes: 4096 });
  const { storage, calls } = a;
  await storage.create("s", { contentType: JSON_TYPE });
  const streams = new Streams(storage);
  const total = 3000;
  for (let at = 0; at < total; at += 30) {
    await streams.json("s", JSON.stringify(Array.from({ length: 30 }, (_, i) => at + i)));
  }
  equal((await storage.head("s")).messages, total);
  for (const count of [1, 29, 30, 31, 1234, total]) {
    calls.clear();
    const { data, start } = await storage.read("s", { lastMessages: count }, 1 << 20);
    const found = JSON.parse(`[${new TextDecoder().decode(data).slice(0, -2)}]`);
    equal([found.length, found[0], found.at(-1)], [count, total - count, total - 1]);
    ok((calls.get("messages") ?? 0) < 40, `${calls.get("messages")} requests`);
    equal((await storage.countBefore?.("s", start))?.messages, total - count);
  }
  // Another front end reads it from a state, and counts on.
  const other = await frontEnds.open();
  equal((await other.storage.head("s")).messages, total);
  await new Streams(other.storage).json("s", '"last"');
  equal((await storage.head("s")).messages, total + 1);
  await frontEnds.dispose();
});

Deno.test("nats: a JSON message that is cut into parts is one message", async () => {
  const frontEnds = new FrontEnds({ messageLimitBytes: 4096 });
  const { storage } = await frontEnds.open({ messageCacheBytes: 0 });
  await storage.create("s", { contentType: JSON_TYPE });
  const streams = new Streams(storage);
  await streams.json("s", '["a","b"]');
  await streams.json("s", JSON.stringify(["c".repeat(20_000), "d".repeat(3000), "e"]));
  await streams.json("s", '"f"');
  equal((await storage.head("s")).messages, 6);
  const starts = [];
  for (const lastMessages of [6, 5, 4, 3, 2, 1]) {
    starts.push((await storage.read("s", { lastMessages }, 100)).start);
  }
  equal(starts, [0, 5, 10, 20_014, 23_018, 23_023]);
  equal((await storage.countBefore?.("s", 20_014))?.messages, 3);
  await frontEnds.dispose();
});

Deno.test("nats: a stream that a program began which didn't count is read as ever, and says so", async () => {
  const frontEnds = new FrontEnds();
  const { storage, jetStream } = await frontEnds.open();
  const append = { lengthBytes: 3, producer: undefined, seq: undefined, close: false };
  const first = { ...HEAD, kind: "appends" as const, appends: [append], data: encodeUtf8("old") };
  await jetStream.publish({
    log: "DS_DATA_1",
    subject: "ds.d.1.99",
    payload: encodeMessage(first),
    expectedSequence: 0,
  });
  await jetStream.publish({
    log: "DS_NAMES",
    subject: "ds.n.73",
    payload: encodeNameEntry({
      kind: "name",
      id: 99,
      shard: 1,
      createdAtMs: 1,
      name: "s",
      contentType: TEXT,
      lifetime: { kind: "forever" },
      fork: undefined,
    }),
    expectedSequence: 0,
  });
  const streams = new Streams(storage);
  await streams.text("s", " and new");
  equal(await streams.all("s"), "old and new");
  equal((await storage.head("s")).messages, undefined);
  const unsupported = "ordinals_unsupported";
  await rejectsWith(storage.read("s", { lastMessages: 1 }, 100), unsupported, /aren't counted/);
  await rejectsWith(storage.countBefore?.("s", 3) ?? Promise.resolve(), unsupported);
  await storage.create("f", { fork: { source: "s", offset: 3 } });
  await streams.text("f", "!");
  equal((await storage.head("f")).messages, undefined);
  await rejectsWith(storage.countBefore?.("f", 2) ?? Promise.resolve(), unsupported);
  await frontEnds.dispose();
});
