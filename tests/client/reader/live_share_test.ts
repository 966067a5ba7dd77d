import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import type { Reader } from "../../../src/client/reader/reader.ts";
import { AppKit } from "../../support/client/reader_kit.ts";
import { BINARY, CLOSE, JSON_TYPE, settle, TEXT } from "../../support/fixture.ts";

/** Readers of one client that share a connection. */

const LIVE = "POST __ds/live";

async function withStreams(...names: string[]): Promise<AppKit> {
  const kit = new AppKit();
  for (const name of names) await kit.make(name, JSON_TYPE, JSON.stringify([`${name}0`]));
  return kit;
}

/** The texts of the next messages. */
async function take(reader: Reader, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    for (const message of (await reader.read()).messages) texts.push(message.text());
  }
  return texts;
}

function opens({ requests }: AppKit): number {
  return requests.filter((request) => request === LIVE).length;
}

Deno.test("readers of one client share a connection, the first one too, and each gets its own", async () => {
  const names = ["a", "b", "c", "d"];
  const kit = await withStreams(...names);
  const readers = names.map((name) => kit.client.reader(name));
  for (const reader of readers) await reader.read();
  const waiting = readers.map((reader) => take(reader, 2));
  await settle();
  await settle();
  for (const name of names) await kit.append(name, JSON_TYPE, `["${name}1","${name}2"]`);
  deepEqual(await Promise.all(waiting), names.map((name) => [`"${name}1"`, `"${name}2"`]));
  equal(opens(kit), 1);
  const sse = kit.requests.filter((request) => request.includes("live="));
  equal(sse.length, 1, "the first one's, before there were others");
  for (const name of names) await kit.append(name, CLOSE, undefined);
  for (const reader of readers) {
    while (!reader.closed) await reader.read();
  }
  kit.clock.advance(700_000);
  await settle();
  equal(kit.clock.pendingTimers, 0);
});

Deno.test("one reader alone has a connection of its own, which caches can join with others'", async () => {
  const kit = await withStreams("a");
  const reader = kit.client.reader("a");
  await reader.read();
  const waiting = reader.read();
  await settle();
  await kit.append("a", JSON_TYPE, "[1]");
  await waiting;
  await reader.close();
  equal(opens(kit), 0);
  ok(kit.requests.some((request) => request.includes("live=sse")));
});

Deno.test("text shares it as well, with every line end as it was, and so do bytes", async () => {
  const kit = new AppKit();
  await kit.make("t", TEXT);
  await kit.make("u", TEXT);
  await kit.make("b", BINARY);
  const readers = ["t", "u", "b"].map((name) => kit.client.reader(name));
  for (const reader of readers) await reader.read();
  const waiting = readers.map((reader) => take(reader, 1));
  await settle();
  await settle();
  await kit.append("b", BINARY, Uint8Array.of(13, 10, 65));
  await kit.append("u", TEXT, "a\r\nb\r");
  await kit.append("t", TEXT, " é\n");
  deepEqual(await Promise.all(waiting), [[" é\n"], ["a\r\nb\r"], ["\r\nA"]]);
  equal(opens(kit), 1);
  for (const reader of readers) await reader.close();
});

Deno.test("a stream's end and its error reach its reader alone", async () => {
  const kit = await withStreams("a", "b", "c");
  const readers = ["a", "b", "c"].map((name) => kit.client.reader(name));
  for (const reader of readers) await reader.read();
  const [a, b, c] = readers.map((reader) => take(reader, 1));
  await settle();
  await settle();
  await kit.delete("a");
  await rejects(a ?? Promise.resolve(), (error) => {
    return error instanceof ClientError && error.code === "not_found";
  });
  await kit.append("b", { ...JSON_TYPE, ...CLOSE }, '["last"]');
  deepEqual(await b, ['"last"']);
  await kit.append("c", JSON_TYPE, '["c1"]');
  deepEqual(await c, ['"c1"']);
  equal(opens(kit), 1);
  for (const reader of readers) await reader.close();
});

Deno.test("two readers of one stream share it, and one that ends and begins again loses nothing", async () => {
  const kit = await withStreams("a", "b");
  const [one, two, other] = ["a", "a", "b"].map((name) => kit.client.reader(name));
  ok(one && two && other);
  for (const reader of [one, two, other]) await reader.read();
  const waiting = [one, two, other].map((reader) => take(reader, 1));
  await settle();
  await settle();
  await kit.append("a", JSON_TYPE, '["a1"]');
  await kit.append("b", JSON_TYPE, '["b1"]');
  deepEqual(await Promise.all(waiting), [['"a1"'], ['"a1"'], ['"b1"']]);
  await one.close();
  await two.close();
  await kit.append("a", JSON_TYPE, '["a2"]');
  const again = kit.client.reader("a", { offset: two.offset });
  deepEqual(await take(again, 1), ['"a2"']);
  const next = take(again, 1);
  await settle();
  await kit.append("a", JSON_TYPE, '["a3"]');
  deepEqual(await next, ['"a3"']);
  await again.close();
  await other.close();
});

Deno.test("a reader that doesn't read holds up no other, and gets all of it later", async () => {
  const kit = await withStreams("slow", "quick");
  const slow = kit.client.reader("slow");
  const quick = kit.client.reader("quick");
  for (const reader of [slow, quick]) await reader.read();
  const first = take(slow, 1);
  const waiting = take(quick, 1);
  await settle();
  await settle();
  const big = "x".repeat(10_000);
  for (let i = 0; i < 300; i++) {
    await kit.append("slow", JSON_TYPE, JSON.stringify([`${i} ${big}`]));
    await settle();
  }
  await kit.append("quick", JSON_TYPE, '["q"]');
  deepEqual(await waiting, ['"q"']);
  const seen = await first;
  while (seen.length < 300) seen.push(...await kit.until(take(slow, 1)));
  deepEqual(seen.map((text) => parseInt(text.slice(1))), Array.from({ length: 300 }, (_, i) => i));
  await slow.close();
  await quick.close();
});

Deno.test("where the server doesn't offer it each reader has its own, and that is asked once", async () => {
  let asked = 0;
  const kit = new AppKit({}, {}, (send) => (url, init) => {
    if (!url.endsWith("/__ds/live")) return send(url, init);
    asked++;
    return new Response("no such thing", { status: 404 });
  });
  const names = ["a", "b", "c"];
  for (const name of names) await kit.make(name, JSON_TYPE, "[0]");
  const readers = names.map((name) => kit.client.reader(name));
  for (const reader of readers) await reader.read();
  const waiting = readers.map((reader) => take(reader, 1));
  for (let i = 0; i < 4; i++) await settle();
  for (const name of names) await kit.append(name, JSON_TYPE, `["${name}"]`);
  deepEqual(await Promise.all(waiting), names.map((name) => [`"${name}"`]));
  equal(asked, 1);
  equal(kit.requests.filter((request) => request.includes("live=sse")).length, 3);
  for (const reader of readers) await reader.close();
});

Deno.test("what is still on its way for a reader that has ended isn't taken for another one's", async () => {
  let gate: Promise<void> = Promise.resolve();
  const kit = new AppKit({}, {}, (send) => async (url, init) => {
    const response = await send(url, init);
    if (!url.endsWith("/__ds/live") || response.body === null) return response;
    const held = new TransformStream<Uint8Array<ArrayBuffer>>({
      async transform(chunk, controller) {
        await gate;
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(held), response);
  });
  for (const name of ["a", "b"]) await kit.make(name, JSON_TYPE, "[0]");
  const [one, other] = ["a", "b"].map((name) => kit.client.reader(name));
  ok(one && other);
  for (const reader of [one, other]) await reader.read();
  const ending = rejects(take(one, 1));
  const waiting = take(other, 1);
  for (let i = 0; i < 3; i++) await settle();
  const open = Promise.withResolvers<void>();
  gate = open.promise;
  await kit.append("a", JSON_TYPE, "[1]");
  await settle();
  await one.close();
  await ending;
  const again = kit.client.reader("a", { offset: one.offset });
  deepEqual(await take(again, 1), ["1"]);
  const next = take(again, 1);
  for (let i = 0; i < 3; i++) await settle();
  open.resolve();
  for (let i = 0; i < 3; i++) await settle();
  await kit.append("a", JSON_TYPE, "[2]");
  deepEqual(await next, ["2"]);
  await kit.append("b", JSON_TYPE, "[3]");
  deepEqual(await waiting, ["3"]);
  await again.close();
  await other.close();
});

Deno.test("live() doesn't read a named stream again, once it is closed, that a pattern means, too", async () => {
  const kit = new AppKit({ listing: true, liveCloseAfterMs: 3_000 });
  await kit.make("a", { ...JSON_TYPE, ...CLOSE }, '["a"]');
  await kit.make("b", JSON_TYPE, '["b"]');
  const seen: string[] = [];
  const leaving = new AbortController();
  const reading = (async () => {
    const options = { patterns: ["*"], signal: leaving.signal };
    for await (const { message } of kit.client.live(["a"], options)) seen.push(message.text());
  })();
  const left = rejects(reading);
  for (let i = 0; i < 10; i++) {
    await settle();
    kit.clock.advance(1_000);
  }
  ok(opens(kit) > 1);
  deepEqual(seen.sort(), ['"a"', '"b"']);
  leaving.abort();
  await left;
});
