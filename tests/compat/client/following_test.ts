import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { DurableStream, stream } from "@durable-streams/client";
import { RecordingFetch } from "../recording_fetch.ts";
import { COMPAT_TARGETS, compatTest, sharedServer } from "../targets.ts";

/** The official client as it is, following a stream that is written to. */

const JSON_TYPE = "application/json";
const LIVE = [true, "long-poll", "sse"] as const;
/** What the client asks for once it has caught up: `true` is long-poll to it. */
const WIRE = new Map<unknown, string>([
  [true, "long-poll"],
  ["long-poll", "long-poll"],
  ["sse", "sse"],
]);
/** Short enough to come within a test, long enough that the client takes an SSE response as a sound one. */
const FLAGS = ["--long-poll-timeout", "300ms", "--sse-close-after", "1200ms"];

/** What a subscriber is told beside the data. */
interface Batch {
  readonly offset: string;
  readonly cursor?: string;
  readonly upToDate: boolean;
  readonly streamClosed: boolean;
}

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target, FLAGS);
  const make = (contentType: string) =>
    DurableStream.create({ url: server.streamUrl(), contentType });
  const test = (name: string, run: () => Promise<void>) => compatTest(target, name, run);

  for (const live of LIVE) {
    const isLive = (url: URL) => url.searchParams.get("live") === WIRE.get(live);

    test(`live: ${live}: subscribeJson gets what is there, what comes, and the end`, async () => {
      const handle = await make(JSON_TYPE);
      await handle.append("1");
      await handle.append('{"two":2}');
      const wire = new RecordingFetch();
      const answer = await stream({ url: handle.url, live, fetch: wire.fetch });
      const items: unknown[] = [];
      const batches: Batch[] = [];
      const three = Promise.withResolvers<boolean>();
      answer.subscribeJson((batch: Batch & { items: readonly unknown[] }) => {
        items.push(...batch.items);
        batches.push(batch);
        if (items.includes("three")) three.resolve(batch.upToDate);
      });
      await wire.asked(isLive);
      await handle.append('"three"');
      equal(await three.promise, true);
      await handle.append("4");
      const { finalOffset } = await handle.close();
      await answer.closed;
      deepEqual(items, [1, { two: 2 }, "three", 4]);
      equal(answer.streamClosed, true);
      equal(answer.offset, finalOffset);
      equal(batches.at(-1)?.streamClosed, true);
    });

    test(`live: ${live}: subscribeBytes gets every byte as it was`, async () => {
      const handle = await make("application/octet-stream");
      const every = Uint8Array.from({ length: 256 }, (_, i) => i);
      await handle.append(every);
      const wire = new RecordingFetch();
      const answer = await stream({ url: handle.url, live, fetch: wire.fetch });
      const bytes: number[] = [];
      answer.subscribeBytes(({ data }: { data: Uint8Array }) => {
        bytes.push(...data);
      });
      await wire.asked(isLive);
      // Lengths that base64 pads in each of its ways.
      for (const length of [256, 255, 1, 2]) await handle.append(every.slice(0, length));
      await handle.close();
      await answer.closed;
      deepEqual(bytes, [...every, ...every, ...every.slice(0, 255), 0, 0, 1]);
    });

    test(`live: ${live}: subscribeText gets characters and lines as they were`, async () => {
      const handle = await make("text/plain; charset=utf-8");
      await handle.append("wörld 🌍\n\n");
      const wire = new RecordingFetch();
      const answer = await stream({ url: handle.url, live, fetch: wire.fetch });
      let text = "";
      answer.subscribeText((chunk: { text: string }) => {
        text += chunk.text;
      });
      await wire.asked(isLive);
      for (const part of [" leading", "\n", "data: x\n\nevent: control", "é"]) {
        await handle.append(part);
      }
      await handle.close();
      await answer.closed;
      equal(text, "wörld 🌍\n\n leading\ndata: x\n\nevent: controlé");
    });

    test(`live: ${live}: a batch's offset resumes right behind it`, async () => {
      const handle = await make(JSON_TYPE);
      const first = await stream({ url: handle.url, live });
      const places = new Map<string, number>();
      let count = 0;
      const five = Promise.withResolvers<void>();
      first.subscribeJson((batch: Batch & { items: readonly unknown[] }) => {
        count += batch.items.length;
        places.set(batch.offset, count);
        if (count === 5) five.resolve();
      });
      for (let n = 0; n < 5; n++) await handle.append(String(n));
      await five.promise;
      first.cancel();
      await handle.close();
      ok(places.size > 1, "more than one place to resume from");
      for (const [offset, before] of places) {
        const again = await stream({ url: handle.url, live, offset });
        const items: unknown[] = [];
        for await (const item of again.jsonStream()) items.push(item);
        deepEqual(items, [0, 1, 2, 3, 4].slice(before));
      }
    });

    test(`live: ${live}: offset now gets only what comes`, async () => {
      const handle = await make(JSON_TYPE);
      await handle.append("1");
      const wire = new RecordingFetch();
      const answer = await stream({ url: handle.url, live, offset: "now", fetch: wire.fetch });
      const items: unknown[] = [];
      answer.subscribeJson((batch: { items: readonly unknown[] }) => {
        items.push(...batch.items);
      });
      await wire.asked(isLive);
      await handle.append("2");
      await handle.close();
      await answer.closed;
      deepEqual(items, [2]);
    });

    test(`live: ${live}: cancel ends the session and the next reader starts anew`, async () => {
      const handle = await make(JSON_TYPE);
      await handle.append("1");
      const answer = await stream({ url: handle.url, live });
      const got = Promise.withResolvers<void>();
      const stop = answer.subscribeJson((batch: { items: readonly unknown[] }) => {
        if (batch.items.length > 0) got.resolve();
      });
      await got.promise;
      stop();
      await answer.closed;
      equal(answer.streamClosed, false);
      await handle.append("2");
      deepEqual(await (await stream({ url: handle.url, live: false })).json(), [1, 2]);
    });

    test(`live: ${live}: what the server ends is taken up again, with its cursor`, async () => {
      const handle = await make(JSON_TYPE);
      const wire = new RecordingFetch();
      const answer = await stream({ url: handle.url, live, fetch: wire.fetch });
      const items: unknown[] = [];
      answer.subscribeJson((batch: { items: readonly unknown[] }) => {
        items.push(...batch.items);
      });
      await wire.answered(isLive, 2);
      await handle.append("0");
      await handle.close();
      await answer.closed;
      deepEqual(items, [0]);
      for (const { url, answerHeaders } of wire.exchanges) {
        if (isLive(url)) match(answerHeaders.get("stream-cursor") ?? "", /^\d+$/);
      }
      const [, second] = wire.exchanges.filter(({ url }) => isLive(url));
      notEqual(second?.url.searchParams.get("cursor"), null);
      if (live !== "sse") ok(wire.exchanges.some(({ status }) => status === 204));
    });
  }

  test("a +json stream is read as JSON where the client is told so, in each live mode", async () => {
    const handle = await make("application/vnd.api+json");
    await handle.append("[1,2]");
    await handle.append("[3]");
    await handle.close();
    for (const live of LIVE) {
      const answer = await stream({ url: handle.url, live, json: true });
      deepEqual(await answer.json(), [1, 2, 3]);
    }
  });

  test("functions in headers and params are asked for each request", async () => {
    const handle = await make(JSON_TYPE);
    await handle.append("1");
    const wire = new RecordingFetch();
    let asked = 0;
    const answer = await stream({
      url: handle.url,
      live: "long-poll",
      fetch: wire.fetch,
      headers: { authorization: () => `Bearer ${++asked}` },
      params: { tenant: () => Promise.resolve(`t${asked}`), absent: undefined },
    });
    answer.subscribeJson(() => {});
    await wire.answered(() => true, 2);
    await handle.close();
    await answer.closed;
    ok(wire.exchanges.length > 1);
    for (const [i, { headers, url }] of wire.exchanges.entries()) {
      equal(headers.get("authorization"), `Bearer ${i + 1}`);
      ok(/^t\d+$/.test(url.searchParams.get("tenant") ?? ""));
    }
  });
}
