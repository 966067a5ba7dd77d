import { deepStrictEqual as equal, throws } from "node:assert";
import { Client } from "../../src/client/client.ts";
import { fetchTransport } from "../../src/client/transport/transport.ts";
import { until } from "../support/until.ts";
import { TEXT } from "../support/fixture.ts";
import { failed, ProducerFixture } from "../support/client/producer_fixture.ts";

const WAITS: readonly [string, (url: string) => boolean][] = [
  ["the snapshot", (url) => url.includes("snapshot")],
  ["what comes behind it", (url) => url.includes("offset=")],
];

async function numbers(...values: number[]): Promise<ProducerFixture> {
  const at = new ProducerFixture();
  const initialData = JSON.stringify(values);
  await at.client.create("s", { contentType: "application/json", initialData });
  return at;
}

Deno.test("a snapshot is of any message's place, and comes back with the offset of it", async () => {
  const at = await numbers(1, 2, 3);
  const reader = at.client.reader("s", { readMode: "catch-up" });
  for await (const value of reader.json<number>()) if (value === 2) break;
  const offset = await at.client.snapshot("s").putJson({ sum: 3 }, { offset: reader.offset });
  const got = await at.client.snapshot("s").get();
  equal(got?.offset, offset);
  equal(got?.contentType, "application/json");
  equal(got?.json(), { sum: 3 });
  equal(await at.client.reader("s", { offset }).allJson(), [3]);
});

Deno.test("a snapshot of bytes keeps them and their type", async () => {
  const at = await numbers();
  const state = new Uint8Array([0, 255, 10]);
  await at.client.snapshot("s").put(state, { offset: "-1", contentType: "application/x-yjs" });
  const got = await at.client.snapshot("s").get();
  equal([got?.bytes, got?.contentType], [state, "application/x-yjs"]);
  throws(() => got?.json(), { code: "invalid_message" });
});

Deno.test("an older snapshot than the one that is kept is a conflict", async () => {
  const at = await numbers(1);
  const { nextOffset } = await at.client.head("s");
  await at.client.snapshot("s").put("newer", { offset: nextOffset });
  await failed(at.client.snapshot("s").put("older", { offset: "-1" }), "conflict");
  equal((await at.client.snapshot("s").get())?.text(), "newer");
});

Deno.test("a stream without a snapshot has none to get or delete, a missing stream is not_found", async () => {
  const at = await numbers();
  const snapshots = at.client.snapshot("s");
  equal(await snapshots.get(), undefined);
  equal(await snapshots.delete(), false);
  await snapshots.put("", { offset: "-1" });
  equal(await snapshots.delete(), true);
  equal(await snapshots.get(), undefined);
  await failed(at.client.snapshot("missing").get(), "not_found");
  await failed(at.client.snapshot("missing").put("", { offset: "-1" }), "not_found");
});

Deno.test("a reader begins at the newest snapshot, whatever it is asked first", async () => {
  const at = await numbers(1, 2);
  const { nextOffset } = await at.client.head("s");
  await at.client.snapshot("s").putJson(3, { offset: nextOffset });
  await at.client.writer("s").sendJson(4);
  const options = { from: "snapshot", readMode: "catch-up" } as const;
  const asked = at.client.reader("s", options);
  equal((await asked.snapshot())?.json(), 3);
  equal(asked.offset, nextOffset);
  equal(await asked.allJson(), [4]);
  const all = at.client.reader("s", options);
  equal(await all.allJson(), [4]);
  equal((await all.snapshot())?.json(), 3);
  const read = at.client.reader("s", options);
  equal((await read.read()).messages.map((message) => message.json()), [4]);
  const iterated: number[] = [];
  for await (const value of at.client.reader("s", options).json<number>()) iterated.push(value);
  equal(iterated, [4]);
});

Deno.test("a reader from a snapshot follows the stream live", async () => {
  const at = await numbers(1, 2);
  const { nextOffset } = await at.client.head("s");
  await at.client.snapshot("s").putJson(3, { offset: nextOffset });
  const seen: number[] = [];
  const reader = at.client.reader("s", { from: "snapshot", readMode: "long-poll" });
  const writer = at.client.writer("s");
  await writer.sendJson(4);
  for await (const value of reader.json<number>()) {
    seen.push(value);
    if (value === 4) await writer.sendJson(5, { close: true });
  }
  equal(seen, [4, 5]);
});

/** A stream of numbers, and a client that keeps newer snapshots of it just as its readers begin. */
async function racing(races: number, trimmed: "fail" | "skip" = "fail") {
  const at = await numbers(1, 2);
  const retention = { toSnapshot: true };
  await at.client.configure("s", { retention });
  const writer = at.client.writer("s");
  const pad = "x".repeat(5000);
  const advance = async () => {
    const { nextOffset } = await at.client.head("s");
    await at.client.snapshot("s").putJson(nextOffset, { offset: nextOffset });
    await writer.sendJson(pad);
  };
  await advance();
  let left = races;
  let snapshots = 0;
  const transport = fetchTransport({
    fetch: async (url, init) => {
      const response = await at.server.app.request(url, init);
      if (!String(url).includes("snapshot=")) return response;
      snapshots++;
      if (left-- > 0) {
        await advance();
        // The trim of what comes before it follows by itself.
        await until(
          async () =>
            (await at.client.head("s")).earliestOffset ===
              (await at.client.snapshot("s").get())?.offset,
          () => "it is never trimmed",
        );
      }
      return response;
    },
  });
  const client = new Client("http://localhost/v1/stream", { transport });
  const options = { from: "snapshot", readMode: "catch-up", trimmed } as const;
  return { reader: client.reader("s", options), pad, snapshots: () => snapshots };
}

for (const trimmed of ["fail", "skip"] as const) {
  Deno.test(`a reader whose snapshot has given way to a newer one begins at that (trimmed: ${trimmed})`, async () => {
    const { reader, pad, snapshots } = await racing(2, trimmed);
    const snapshot = await reader.snapshot();
    equal(snapshots(), 3);
    equal(snapshot?.json(), snapshot?.offset);
    equal(reader.offset, snapshot?.offset);
    equal([reader.upToDate, reader.closed], [false, false]);
    const [message, ...rest] = await reader.all();
    equal([message?.json(), message?.missed, rest], [pad, undefined, []]);
  });
}

Deno.test("a reader asks for newer snapshots a few times only", async () => {
  const { reader, snapshots } = await racing(1000);
  await failed(reader.read(), "trimmed");
  equal(snapshots(), 5);
});

Deno.test("a reader of a stream without a snapshot begins at its start, and one that was sent elsewhere there", async () => {
  const at = await numbers(1, 2);
  const reader = at.client.reader("s", { from: "snapshot", readMode: "catch-up" });
  equal(await reader.allJson(), [1, 2]);
  equal(await reader.snapshot(), undefined);
  await at.client.snapshot("s").put("", { offset: (await at.client.head("s")).nextOffset });
  const sent = at.client.reader("s", { from: "snapshot", readMode: "catch-up" }).seek("-1");
  equal(await sent.allJson(), [1, 2]);
});

for (const [waitsFor, isIt] of WAITS) {
  Deno.test(`a read that waits for ${waitsFor} goes on where its reader is sent meanwhile`, async () => {
    const at = await numbers(1, 2);
    const { nextOffset } = await at.client.head("s");
    await at.client.snapshot("s").put("", { offset: nextOffset });
    let isWaiting = false;
    const transport = fetchTransport({
      fetch: async (url, init) => {
        if (!isWaiting && isIt(String(url))) {
          isWaiting = true;
          await new Promise((_, reject) =>
            init?.signal?.addEventListener("abort", () => reject(init.signal?.reason))
          );
        }
        return at.server.app.request(String(url), init);
      },
    });
    const client = new Client("http://localhost/v1/stream", { transport });
    const reader = client.reader("s", { from: "snapshot", readMode: "catch-up" });
    const read = reader.read();
    await until(() => isWaiting, () => "nothing is waited for");
    reader.seek("-1");
    equal((await read).messages.map((message) => message.json()), [1, 2]);
  });
}

Deno.test("a reader begins at one place", async () => {
  const at = await numbers();
  for (const other of [{ offset: "-1" }, { last: 3 }]) {
    throws(() => at.client.reader("s", { from: "snapshot", ...other }), {
      code: "invalid_argument",
    });
  }
});

Deno.test("a server that keeps no snapshots is told from one that has none", async () => {
  // It answers as if nothing were asked for but the stream.
  const at = new ProducerFixture();
  await at.server.make("s", TEXT, "hello");
  const methods: string[] = [];
  const transport = fetchTransport({
    fetch: (url, init) => {
      methods.push(init?.method ?? "GET");
      const headers = new Headers(init?.headers);
      headers.delete("stream-snapshot-offset");
      return at.server.app.request(String(url).replace("snapshot=", ""), { ...init, headers });
    },
  });
  const client = new Client("http://localhost/v1/stream", { transport });
  await failed(client.snapshot("s").get(), "unsupported");
  await failed(
    client.snapshot("s").put("x", { offset: "-1", contentType: "text/plain" }),
    "unsupported",
  );
  await failed(client.snapshot("s").delete(), "unsupported");
  await failed(client.reader("s", { from: "snapshot" }).all(), "unsupported");
  equal(methods.includes("DELETE"), false);
  equal(await at.server.content("s"), "hello");
});

Deno.test("a proxy that drops the query of what changes a snapshot costs no stream", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT, "hello");
  const transport = fetchTransport({
    fetch: (url, init) => {
      const isRead = (init?.method ?? "GET") === "GET";
      const sent = isRead ? String(url) : String(url).replace("snapshot=", "");
      return at.server.app.request(sent, init);
    },
  });
  const options = { offset: "-1", contentType: "text/plain" };
  await at.client.snapshot("s").put("x", options);
  const client = new Client("http://localhost/v1/stream", { transport });
  await failed(client.snapshot("s").put("y", options), "bad_request");
  await failed(client.snapshot("s").delete(), "bad_request");
  equal(await at.server.content("s"), "hello");
  equal((await at.client.snapshot("s").get())?.text(), "x");
});
