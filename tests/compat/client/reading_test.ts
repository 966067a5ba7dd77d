import { deepEqual, equal, ok } from "node:assert/strict";
import { DurableStream, stream } from "@durable-streams/client";
import { COMPAT_TARGETS, compatTest, sharedServer } from "../targets.ts";

/** The official client as it is, reading what is there already. */

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";
const TEXT_TYPE = "text/plain";

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i);
const TEXT = "wörld 🌍\r\nsecond line\n";

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target, ["--chunk-bytes", "4KiB"]);

  const make = async (contentType: string, ...appends: (string | Uint8Array)[]) => {
    const handle = await DurableStream.create({ url: server.streamUrl(), contentType });
    for (const data of appends) await handle.append(data);
    return handle;
  };

  const test = (name: string, run: () => Promise<void>) => compatTest(target, name, run);

  test("json() of a stream that is there gives its messages in order", async () => {
    const { url } = await make(JSON_TYPE, '{"n":1}', '{"n":2}', '"three"');
    const answer = await stream({ url, live: false });
    deepEqual(await answer.json(), [{ n: 1 }, { n: 2 }, "three"]);
    equal(answer.upToDate, true);
    equal(answer.streamClosed, false);
    await answer.closed;
  });

  test("body() gives every byte value as it was", async () => {
    const { url } = await make(BYTES_TYPE, EVERY_BYTE, EVERY_BYTE);
    const answer = await stream({ url, live: false });
    equal(answer.contentType, BYTES_TYPE);
    deepEqual([...await answer.body()], [...EVERY_BYTE, ...EVERY_BYTE]);
  });

  test("text() gives characters and line ends as they were", async () => {
    const { url } = await make(TEXT_TYPE, TEXT, TEXT);
    equal(await (await stream({ url, live: false })).text(), TEXT + TEXT);
  });

  test("jsonStream(), bodyStream() and textStream() give the same, piece by piece", async () => {
    const json = await make(JSON_TYPE, "1", "2", "3");
    const items: unknown[] = [];
    for await (const item of (await json.stream({ live: false })).jsonStream()) items.push(item);
    deepEqual(items, [1, 2, 3]);

    const bytes = await make(BYTES_TYPE, EVERY_BYTE);
    const received: number[] = [];
    for await (const part of (await bytes.stream({ live: false })).bodyStream()) {
      received.push(...part);
    }
    deepEqual(received, [...EVERY_BYTE]);

    const text = await make(TEXT_TYPE, TEXT);
    let written = "";
    for await (const part of (await text.stream({ live: false })).textStream()) written += part;
    equal(written, TEXT);
  });

  test("an empty stream is up to date, with nothing in it", async () => {
    deepEqual(await (await (await make(JSON_TYPE)).stream({ live: false })).json(), []);
    equal((await (await (await make(BYTES_TYPE)).stream({ live: false })).body()).length, 0);
    equal(await (await (await make(TEXT_TYPE)).stream({ live: false })).text(), "");
  });

  for (const live of [true, "long-poll", "sse"] as const) {
    test(`live: ${live}: json() follows every chunk up to the tail, and stops there`, async () => {
      const long = Array.from({ length: 40 }, (_, n) => ({ n, padding: "x".repeat(1000) }));
      const { url } = await make(JSON_TYPE, ...long.map((item) => JSON.stringify(item)));
      const answer = await stream({ url, live });
      deepEqual(await answer.json(), long);
      equal(answer.upToDate, true);
      answer.cancel();
    });
  }

  test("live: false reads one chunk, says that there is more, and resumes from its offset", async () => {
    const long = Array.from({ length: 40 }, (_, n) => ({ n, padding: "x".repeat(1000) }));
    const { url } = await make(JSON_TYPE, ...long.map((item) => JSON.stringify(item)));
    const items: unknown[] = [];
    let offset = "-1";
    let chunks = 0;
    for (let upToDate = false; !upToDate; chunks++) {
      const answer = await stream({ url, offset, live: false });
      items.push(...await answer.json());
      ({ offset, upToDate } = answer);
    }
    deepEqual(items, long);
    ok(chunks > 1, "the stream is longer than a chunk");
  });

  test("a stream read from each message's offset gives exactly what came after it", async () => {
    const handle = await make(JSON_TYPE);
    const offsets: string[] = [];
    for (let n = 0; n < 5; n++) {
      const head = await handle.head();
      ok(head.exists);
      offsets.push(head.offset ?? "");
      await handle.append(String(n));
    }
    for (const [n, offset] of offsets.entries()) {
      const answer = await handle.stream({ offset, live: false });
      deepEqual(await answer.json(), [0, 1, 2, 3, 4].slice(n));
    }
  });

  test("a closed stream ends a reader in each live mode, all of it read", async () => {
    const handle = await make(JSON_TYPE, "1", "2");
    const { finalOffset } = await handle.close();
    for (const live of [false, true, "long-poll", "sse"] as const) {
      const answer = await handle.stream({ live });
      const items: unknown[] = [];
      for await (const item of answer.jsonStream()) items.push(item);
      deepEqual(items, [1, 2]);
      equal(answer.streamClosed, true);
      equal(answer.offset, finalOffset);
      await answer.closed;
    }
  });
}
