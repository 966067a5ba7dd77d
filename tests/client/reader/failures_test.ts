import { deepEqual as equal, ok, rejects } from "node:assert/strict";
import type { Message } from "../../../src/client/reader/message.ts";
import { withRetry } from "../../../src/client/transport/retry.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { chunkResponse, ScriptKit, untilSettled } from "../../support/client/reader_kit.ts";
import { Client } from "../../../src/client/client.ts";

const CATCH_UP = { readMode: "catch-up" } as const;

const lost = () => Promise.reject(new TypeError("connection reset"));
const busy = () => new Response(null, { status: 503 });
const all = () => chunkResponse("[1,2]", { next: "2", upToDate: true });

function repeat<T>(item: T, count: number): T[] {
  return Array.from({ length: count }, () => item);
}

async function texts(messages: AsyncIterable<Message>): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of messages) seen.push(message.text());
  return seen;
}

Deno.test("transient failures are retried from the same place", async () => {
  const kit = new ScriptKit([lost, busy, chunkResponse("[0]", { next: "1" }), busy, lost, all]);
  equal(await kit.until(texts(kit.client.reader("s", CATCH_UP))), ["0", "1", "2"]);
  equal(kit.requests.slice(-3), repeat("GET s?offset=1", 3));
});

Deno.test("what keeps failing is thrown after maxElapsedMs, and the next read begins afresh", async () => {
  const kit = new ScriptKit([...repeat(busy, 7), all]);
  const reader = kit.client.reader("s", { ...CATCH_UP, maxElapsedMs: 2_000 });
  const startMs = kit.clock.nowMs();
  // Waits of half of 100, 200, 400, 800, 1,600 ms end after 1,550 ms; the next one would pass 2,000.
  await rejects(kit.until(reader.read(), 10), { code: "unavailable", status: 503 });
  ok(kit.clock.nowMs() - startMs <= 2_000);
  equal(kit.requests.length, 6);
  equal(reader.offset, "-1");
  equal((await kit.until(reader.read())).messages.length, 2);
});

Deno.test("time-outs of plain reads count from their beginning", async () => {
  const silent = () => new Promise<Response>(() => {});
  const kit = new ScriptKit(repeat(silent, 10), { timeoutMs: 10_000 });
  const startMs = kit.clock.nowMs();
  const reading = kit.client.reader("s", { ...CATCH_UP, maxElapsedMs: 25_000 }).read();
  await rejects(kit.until(reading), { code: "timeout" });
  equal(kit.requests.length, 3);
  ok(kit.clock.nowMs() - startMs < 35_000);
});

Deno.test("maxElapsedMs Infinity asks for ever", async () => {
  const kit = new ScriptKit([...repeat(lost, 60), all]);
  const reader = kit.client.reader("s", { ...CATCH_UP, maxElapsedMs: Infinity });
  equal((await kit.until(reader.read(), 5_000)).messages.length, 2);
});

Deno.test("the default transport adds no waits of its own", async () => {
  const clock = new ManualClock();
  const random = () => 0.5;
  let attempts = 0;
  const fetch = () => {
    attempts++;
    return new Response(null, { status: attempts % 2 === 0 ? 503 : 429 });
  };
  const transport = withRetry({ clock, random })(fetchTransport({ fetch, clock }));
  const client = new Client("http://localhost/v1/stream", { transport, clock, random });
  const reader = client.reader("s", { maxElapsedMs: 1_000 });
  const startMs = clock.nowMs();
  await rejects(untilSettled(clock, reader.read(), 10), { code: "rate_limited" });
  equal(attempts, 5);
  ok(clock.nowMs() - startMs <= 1_000);
});

Deno.test("Retry-After is honoured", async () => {
  const limited = () => new Response(null, { status: 429, headers: { "retry-after": "7" } });
  const kit = new ScriptKit([limited, all]);
  const startMs = kit.clock.nowMs();
  await kit.until(kit.client.reader("s", CATCH_UP).read());
  ok(kit.clock.nowMs() - startMs >= 7_000);
});

Deno.test("what won't pass is thrown at once, and the reader stays where it was", async () => {
  for (
    const [status, code] of [
      [404, "not_found"],
      [410, "gone"],
      [400, "bad_request"],
      [401, "unauthenticated"],
      [304, "invalid_response"],
    ]
  ) {
    const kit = new ScriptKit([
      chunkResponse("[0]", { next: "1" }),
      new Response(null, { status: Number(status) }),
      all,
    ]);
    const reader = kit.client.reader("s", CATCH_UP);
    await reader.read();
    await rejects(reader.read(), { code });
    equal(reader.offset, "1");
    equal((await reader.read()).messages.length, 2);
  }
});

Deno.test("an array that was cut is never returned but fetched again", async () => {
  const whole = '[1,"]",[2]]';
  for (let length = 0; length < whole.length; length++) {
    const cut = chunkResponse(whole.slice(0, length), { next: "2", upToDate: true });
    const kit = new ScriptKit([cut, chunkResponse(whole, { next: "2", upToDate: true })]);
    equal(await kit.until(texts(kit.client.reader("s", CATCH_UP))), ["1", '"]"', "[2]"]);
    equal(kit.requests, repeat("GET s?offset=-1", 2));
  }
});

Deno.test("an array that is cut every time is an invalid response in the end", async () => {
  const kit = new ScriptKit(repeat(() => chunkResponse("[1,2", { next: "2" }), 5));
  const reader = kit.client.reader("s", CATCH_UP);
  await rejects(kit.until(reader.read()), {
    code: "invalid_response",
    message: /4 bytes aren't a whole JSON array/,
  });
  equal([kit.requests.length, reader.offset], [5, "-1"]);
});

Deno.test("a loop that failed continues in the next loop, each message once", async () => {
  const kit = new ScriptKit([
    chunkResponse("[0,1]", { next: "2" }),
    new Response(null, { status: 403 }),
    chunkResponse("[2]", { next: "3", closed: true }),
  ]);
  const reader = kit.client.reader("s");
  const seen: string[] = [];
  const loop = async () => {
    for await (const message of reader) seen.push(message.text());
  };
  await rejects(loop(), { code: "forbidden" });
  equal(reader.offset, "2");
  await loop();
  equal(seen, ["0", "1", "2"]);
});
