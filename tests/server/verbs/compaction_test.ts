import { deepEqual, equal, ok } from "node:assert/strict";
import { Client } from "../../../src/client/client.ts";
import { formatPlace } from "../../../src/client/transport/place.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { createApp } from "../../../src/server/app.ts";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { expectError, Fixture, header, JSON_TYPE } from "../../support/fixture.ts";
import { FileKit } from "../../support/file_kit.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";

const URL_OF_A = "http://localhost/v1/stream/a";

Deno.test("a storage that doesn't compact says so, and a value that makes no sense is refused", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE);
  const asked = { "stream-compaction": "key=state" };
  await expectError(await served.send("PATCH", "a", asked), 501, "compaction_unsupported");
  const wrong = { "stream-compaction": "key=id" };
  await expectError(await served.send("PATCH", "a", wrong), 400, "invalid_header");
});

Deno.test("a reader of what was compacted is told up to where, by GET, HEAD and SSE, and by another ETag", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { fsync: "never", segmentBytes: 8192 });
    const storage = await kit.open();
    const app = createApp({ storage, clock: kit.clock, livePaceMs: 0 });
    const send = async (method: string, headers: Record<string, string> = {}, query = "") =>
      await app.request(`${URL_OF_A}${query}`, { method, headers });
    const made = await send("PUT", {
      ...JSON_TYPE,
      "stream-compaction": 'key="/id", tombstones=5',
    });
    equal(made.status, 201);
    equal(header(made, "stream-compaction"), 'key="/id", tombstones=5');
    equal((await send("GET")).headers.get("stream-compacted"), null);
    for (let i = 0; i < 60; i++) {
      const body = JSON.stringify({ id: i % 3, value: i, pad: "x".repeat(500) });
      await app.request(URL_OF_A, { method: "POST", headers: JSON_TYPE, body });
    }
    const etag = header(await send("GET", {}, "?offset=-1"), "etag");
    await until(async () => {
      await kit.checkpoint();
      return (await send("HEAD")).headers.has("stream-compacted");
    }, () => "it is never compacted");
    const upTo = header(await send("HEAD"), "stream-compacted");
    equal(header(await send("HEAD"), "stream-compaction"), 'key="/id", tombstones=5');
    const answer = await send("GET", { "if-none-match": etag }, "?offset=-1");
    equal(answer.status, 200);
    equal(header(answer, "stream-compacted"), upTo);
    const values = JSON.parse(await answer.text()).map(({ value }: { value: number }) => value);
    ok(values.length < 60 && values.includes(59) && values.includes(58) && values.includes(57));
    equal((await send("GET", {}, `?offset=${upTo}`)).headers.get("stream-compacted"), null);
    const events = await send("GET", {}, "?offset=-1&live=sse");
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: control")) text += (await reader?.read())?.value ?? "";
    await reader?.cancel();
    ok(text.includes(`"compactedUpTo":"${upTo}"`), text.slice(-300));
    // What a place counted is missing by now: it is read on from where it counts from.
    const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
    const client = new Client("http://localhost/v1/stream", { transport });
    const offset = formatPlace({ offset: header(made, "stream-next-offset"), skip: 50 });
    const seen: unknown[] = [];
    for await (const { message } of client.live([{ stream: "a", offset }])) {
      seen.push(message.json<{ value: number }>().value);
      if (seen.length === values.length) break;
    }
    deepEqual(seen, values);
    equal((await send("PATCH", { "stream-compaction": "" })).status, 204);
    equal((await send("HEAD")).headers.get("stream-compaction"), null);
    await kit.close();
  }));

Deno.test("a later compaction gives what is between the same two offsets another ETag", async () => {
  const storage = createMemoryStorage();
  await storage.create("a", { contentType: "application/json", body: encodeUtf8("[1,2,3]") });
  const readBody = storage.readBody?.bind(storage);
  let left = 9;
  // Up to where it was compacted stays the same: a compaction goes on segment by segment.
  storage.readBody = async (...asked) => {
    const found = await readBody?.(...asked);
    if (found === undefined) throw new Error("The storage gives no bodies.");
    if (!(found.data instanceof Uint8Array)) throw new Error("The body is no bytes.");
    return { ...found, compactedUpTo: found.tail, data: found.data.subarray(0, left) };
  };
  const app = createApp({ storage });
  const get = async (etag = "") =>
    await app.request(`${URL_OF_A}?offset=-1`, { headers: { "if-none-match": etag } });
  const etag = header(await get(), "etag");
  equal((await get(etag)).status, 304);
  left = 6;
  const later = await get(etag);
  equal(later.status, 200);
  deepEqual(await later.json(), [1, 2]);
});
