import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { createApp } from "../../../src/server/app.ts";
import { Client } from "../../../src/client/client.ts";
import type { ClientError } from "../../../src/client/errors/client_error.ts";
import type { Message } from "../../../src/client/reader/message.ts";
import type { Reader } from "../../../src/client/reader/reader.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { AppKit } from "../../support/client/reader_kit.ts";
import { FileKit } from "../../support/file_kit.ts";
import { JSON_TYPE, settle } from "../../support/fixture.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";

/** `client.live()` of streams that don't keep everything. */

/** Two streams of five messages of three bytes each; of the first two are left. */
async function trimmed(): Promise<AppKit> {
  const kit = new AppKit();
  for (const name of ["a", "b"]) await kit.make(name, JSON_TYPE, "[1,2,3,4,5]");
  await kit.client.trim("a", kit.offset(9));
  return kit;
}

Deno.test("several streams at once: one that was trimmed skips to what is left, and says what it missed", async () => {
  const kit = await trimmed();
  const starts = [{ stream: "a", offset: kit.offset(3) }, { stream: "b", offset: "-1" }];
  const live = kit.client.live(starts, { trimmed: "skip" });
  const values: Record<string, unknown[]> = { a: [], b: [] };
  const missed: unknown[] = [];
  for await (const { stream, message } of live) {
    values[stream]?.push(message.json());
    if (message.missed !== undefined) missed.push({ stream, ...message.missed });
    if (values["a"]?.length === 2 && values["b"]?.length === 5) break;
  }
  deepEqual(values, { a: [4, 5], b: [1, 2, 3, 4, 5] });
  deepEqual(missed, [{ stream: "a", from: kit.offset(3), to: kit.offset(9), bytes: 6 }]);
});

Deno.test("several streams at once: one that was trimmed fails unless told to skip, the others go on", async () => {
  const kit = await trimmed();
  const starts = [{ stream: "a", offset: kit.offset(3) }, { stream: "b", offset: "-1" }];
  const failure = { code: "trimmed", earliestOffset: kit.offset(9) };
  const read = async () => {
    for await (const _ of kit.client.live(starts)) { /* until it fails */ }
  };
  await rejects(read(), failure);
  const failed: [string, ClientError][] = [];
  const onError = (stream: string, error: ClientError) => void failed.push([stream, error]);
  const got: unknown[] = [];
  for await (const { message } of kit.client.live(starts, { onError })) {
    if (got.push(message.json()) === 5) break;
  }
  deepEqual(got, [1, 2, 3, 4, 5]);
  deepEqual(failed.map(([stream, { code }]) => [stream, code]), [["a", "trimmed"]]);
  const options = JSON.parse('{"trimmed":"ignore"}');
  throws(() => kit.client.live(starts, options), { code: "invalid_argument", message: /trimmed/ });
});

/** The next messages of a reader that gets empty answers as well. */
async function next(reader: Reader): Promise<Message[]> {
  while (true) {
    const { messages } = await reader.read();
    if (messages.length > 0) return messages;
  }
}

for (const option of ["skip", "fail"] as const) {
  Deno.test(`a reader whose place went before it shares a connection does as it is told: ${option}`, async () => {
    const kit = new AppKit();
    const readers = ["a", "b", "c"].map((name) => kit.client.reader(name, { trimmed: option }));
    const [a, b, c] = readers;
    ok(a !== undefined && b !== undefined && c !== undefined);
    for (const reader of readers) {
      await kit.make(reader.path, JSON_TYPE, "[1]");
      await reader.read();
    }
    const others = Promise.all([next(b), next(c)]);
    await settle();
    await kit.append("a", JSON_TYPE, "[2,3]");
    await kit.client.trim("a", kit.offset(6));
    const requests = kit.requests.length;
    const read = next(a);
    if (option === "fail") {
      await rejects(kit.until(read), { code: "trimmed", earliestOffset: kit.offset(6) });
    } else {
      const [message] = await kit.until(read);
      equal(message?.json(), 3);
      deepEqual(message?.missed, { from: kit.offset(3), to: kit.offset(6), bytes: 3 });
    }
    ok(kit.requests.slice(requests).every((request) => request.startsWith("POST __ds/live")));
    for (const name of ["b", "c"]) await kit.append(name, JSON_TYPE, "9");
    for (const messages of await kit.until(others)) equal(messages[0]?.json(), 9);
    for (const reader of readers) await reader.close();
  });
}

Deno.test("several streams at once: a count in what was compacted since loses no message", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { fsync: "never", segmentBytes: 8192 });
    const app = createApp({ storage: await kit.open() });
    const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
    const client = new Client("http://localhost/v1/stream", { transport });
    await client.create("a", { contentType: "application/json", compaction: { key: "/id" } });
    const writer = client.writer("a");
    for (let i = 0; i < 60; i++) {
      await writer.sendJson({ id: i % 3, value: i, pad: "x".repeat(500) });
    }
    const first = client.reader("a", { readMode: "catch-up" });
    for await (const message of first) {
      if (message.json<{ value: number }>().value === 9) break;
    }
    ok(first.offset.endsWith("/10"), first.offset);
    await until(async () => {
      await kit.checkpoint();
      return (await client.head("a"))?.compactedUpTo !== undefined;
    }, () => "it is never compacted");
    await writer.sendJson({ id: 3, value: 60 }, { close: true });
    const expected: unknown[] = [];
    for await (const message of client.reader("a", { readMode: "catch-up" })) {
      expected.push(message.json());
    }
    ok(expected.length > 0 && expected.length < 60);
    const got: unknown[] = [];
    for await (const { message } of client.live([{ stream: "a", offset: first.offset }])) {
      got.push(message.json());
    }
    deepEqual(got, expected);
    await kit.close();
  }));
