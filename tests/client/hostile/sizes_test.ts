import { deepStrictEqual as equal, ok } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import type { ClientOptions } from "../../../src/client/client.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { createApp } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { collectGarbage } from "../../support/collect_garbage.ts";
import { originOf, serveLocally } from "../../support/hostile_proxy/kit.ts";

const MIB = 1024 * 1024;
const MODES = ["auto", "sse", "long-poll", "catch-up"] as const;

async function withApp(test: (client: Client) => Promise<void>): Promise<void> {
  const app = createApp({ storage: createMemoryStorage() });
  const server = serveLocally((request) => app.fetch(request));
  try {
    await test(new Client(`${originOf(server)}/v1/stream`));
  } finally {
    await server.shutdown();
  }
}

Deno.test("a message of 8 MiB comes as it went, by writer and producer, in every mode", async () => {
  await withApp(async (client) => {
    const text = "\u{1f600}".repeat(2 * MIB);
    await client.create("s", { contentType: "application/json" });
    // At the tail over SSE, too: the reader is there before the message.
    const waiting = MODES.slice(0, 3).map(async (readMode) => {
      const lengths: number[] = [];
      for await (const message of client.reader("s", { readMode })) {
        equal(message.json() === text, true);
        lengths.push(message.bytes.length);
      }
      return lengths;
    });
    await client.writer("s").sendJson(text);
    const producer = client.producer("s", { id: "p" });
    await producer.sendJson(text);
    await producer.closeStream();
    const bytes = 8 * MIB + 2;
    for (const lengths of await Promise.all(waiting)) equal(lengths, [bytes, bytes]);
    for (const readMode of MODES) {
      const lengths: number[] = [];
      for await (const { bytes } of client.reader("s", { readMode })) lengths.push(bytes.length);
      equal(lengths, [bytes, bytes]);
    }
  });
});

Deno.test("a hundred thousand tiny messages come in order, in every mode", async () => {
  await withApp(async (client) => {
    const count = 100_000;
    await client.create("s", { contentType: "application/json" });
    const producer = client.producer("s", { id: "p" });
    for (let i = 0; i < count; i++) await producer.sendJson(i);
    await producer.closeStream();
    for (const readMode of MODES) {
      let next = 0;
      for await (const value of client.reader("s", { readMode }).json<number>()) {
        if (value !== next++) equal(value, next - 1);
      }
      equal(next, count);
    }
  });
});

Deno.test("empty and odd values are messages like any other", async () => {
  await withApp(async (client) => {
    const values = ["", [], {}, null, 0, -0, "\u0000", "\u2028\u2029", "\r\n", "\ufeff", [[]], " "];
    await client.create("s", { contentType: "application/json" });
    const writer = client.writer("s");
    for (const value of values) await writer.sendJson(value);
    const producer = client.producer("s", { id: "p" });
    for (const value of values) await producer.sendJson(value);
    await producer.closeStream();
    for (const readMode of MODES) {
      const seen: string[] = [];
      for await (const value of client.reader("s", { readMode }).json()) {
        seen.push(JSON.stringify(value));
      }
      equal(seen, [...values, ...values].map((value) => JSON.stringify(value)));
    }
  });
});

Deno.test("a lone surrogate survives as JSON and becomes U+FFFD as text", async () => {
  await withApp(async (client) => {
    await client.create("j", { contentType: "application/json" });
    const producer = client.producer("j", { id: "p" });
    await producer.sendJson("a\ud800b");
    await producer.closeStream();
    for (const readMode of MODES) {
      for await (const value of client.reader("j", { readMode }).json()) equal(value, "a\ud800b");
    }
    await client.create("t", { contentType: "text/plain" });
    await client.writer("t").send("a\ud800b", { close: true });
    for await (const message of client.reader("t")) equal(message.text(), "a\ufffdb");
  });
});

Deno.test("a hundred readers at once see all, and hold nothing at the end", async () => {
  await withApp(async (client) => {
    await client.create("s", { contentType: "application/json" });
    const readers = Array.from({ length: 100 }, async (_, i) => {
      let sum = 0;
      const reader = client.reader("s", { readMode: i % 2 === 0 ? "sse" : "long-poll" });
      for await (const value of reader.json<number>()) sum += value;
      return sum;
    });
    const producer = client.producer("s", { id: "p", maxBatchMessages: 10 });
    for (let i = 1; i <= 100; i++) await producer.sendJson(i);
    await producer.closeStream();
    equal(await Promise.all(readers), Array.from({ length: 100 }, () => 5_050));
  });
});

/** A server with endless bytes, made as they are wanted. */
function endless(chunkBytes: number, chunks: number): ClientOptions {
  let sent = 0;
  const next = () => {
    sent++;
    return String(sent).padStart(9, "0");
  };
  const data = "x".repeat(chunkBytes);
  const event = `event: data\ndata: ${btoa(data)}\n\nevent: control\ndata: `;
  const fetch = (url: string): Response => {
    const { searchParams } = new URL(url);
    if (searchParams.get("live") !== "sse") {
      const isLive = searchParams.has("live");
      const nextOffset = isLive || sent > 0 ? next() : "0";
      return new Response(nextOffset === "0" ? "" : data, {
        headers: {
          "content-type": "application/octet-stream",
          "stream-next-offset": nextOffset,
          "stream-up-to-date": "true",
          ...(sent >= chunks ? { "stream-closed": "true" } : {}),
        },
      });
    }
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const streamNextOffset = next();
        const control = JSON.stringify({ streamNextOffset, streamClosed: sent >= chunks });
        controller.enqueue(new TextEncoder().encode(`${event}${control}\n\n`));
      },
    }, { highWaterMark: 0 });
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "stream-sse-data-encoding": "base64" },
    });
  };
  return { transport: fetchTransport({ fetch }) };
}

for (const readMode of ["sse", "long-poll"] as const) {
  Deno.test(`a reader of 200 MiB keeps nothing of what it returned, ${readMode}`, async () => {
    const chunkBytes = 48 * 1024;
    const chunks = Math.ceil(200 * MIB / chunkBytes);
    const client = new Client("http://localhost/v1/stream", endless(chunkBytes, chunks));
    let bytes = 0;
    let most = 0;
    const before = heldBytes();
    for await (const message of client.reader("s", { readMode })) {
      bytes += message.bytes.length;
      if (bytes % (chunkBytes * 256) === 0) most = Math.max(most, heldBytes() - before);
    }
    equal(bytes, chunks * chunkBytes);
    ok(most < 20 * MIB, `${Math.round(most / MIB)} MiB more are held`);
  });
}

/** What is still in use: when garbage is collected is the runtime's affair, and on a busy machine late. */
function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
