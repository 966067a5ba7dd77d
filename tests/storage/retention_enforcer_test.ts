import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8, NO_BYTES } from "../../src/protocol/bytes.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { RetentionEnforcer } from "../../src/storage/retention_enforcer.ts";
import { RetentionRules } from "../../src/storage/retention_rules.ts";
import { newStream, type Stream } from "../../src/storage/stream.ts";
import { yieldToEventLoop } from "../support/event_loop.ts";
import { ManualClock } from "../support/manual_clock.ts";

const SECOND_MS = 1000;

/** A stream, and an enforcer of it that says what it asks for. */
function made(ageMs: number) {
  const clock = new ManualClock();
  const stream: Stream = newStream({
    kind: "create",
    id: 1,
    atMs: clock.nowMs(),
    name: "a",
    contentType: "text/plain",
    lifetime: { kind: "forever" },
    fork: undefined,
    closed: false,
    data: NO_BYTES,
  });
  const calls: string[] = [];
  const enforcer = new RetentionEnforcer<Stream>({
    clock,
    load: () => stream,
    findSnapshot: () => calls.push("snapshot"),
    points: {
      firstKept: () => {
        calls.push("firstKept");
        return Promise.resolve(stream.tail);
      },
      messagesBefore: () => Promise.resolve(stream.buffer.messages),
      blockTimeAt: () => Promise.resolve(clock.nowMs()),
    },
    trim: (_, earliest, messages) => {
      calls.push(`trim ${earliest}`);
      stream.trim(earliest, messages);
    },
    onDue: () => calls.push("due"),
    pause: () => Promise.resolve(),
  });
  enforcer.setRules(new RetentionRules([{ pattern: "**", retention: { ageMs } }]));
  const append = () => {
    const isFirst = stream.tail === stream.earliest;
    stream.buffer.append(encodeUtf8("x"), [1], clock.nowMs());
    stream.tail++;
    enforcer.appended(stream, isFirst);
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    await enforcer.run();
  };
  return { calls, append, pass };
}

Deno.test("a look at a stream that is all young enough asks for nothing, and the next one comes in time", async () => {
  const { calls, append, pass } = made(10 * SECOND_MS);
  append();
  for (let second = 0; second < 30; second++) {
    append();
    await pass(SECOND_MS);
  }
  ok(calls.length > 0 && calls.every((call) => call === "due"), calls.join());
  await pass(15 * SECOND_MS);
  equal(calls.filter((call) => call !== "due"), ["firstKept", "trim 31"]);
});

Deno.test("other rules are told to some streams at a time, and in the end to all", async () => {
  const clock = new ManualClock();
  const storage = createMemoryStorage({ clock });
  const contentType = "text/plain";
  for (let i = 0; i < 1000; i++) {
    await storage.create(`s${i}`, { contentType, body: encodeUtf8("x") });
  }
  const waiting = () => storage.measure?.().retention?.waitingStreams ?? NaN;
  clock.advance(100);
  storage.prepareRetention?.([{ pattern: "**", retention: { ageMs: SECOND_MS } }])();
  ok(waiting() <= 200, `${waiting()} at once`);
  const trimmed = () => storage.measure?.().retention?.trims ?? NaN;
  for (let turns = 0; turns < 10_000 && trimmed() < 1000; turns++) {
    if (turns % 50 === 49) clock.advance(SECOND_MS);
    await yieldToEventLoop();
  }
  equal(trimmed(), 1000);
  await storage.close();
});
