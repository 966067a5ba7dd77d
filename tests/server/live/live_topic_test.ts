import { deepEqual, equal, ok } from "node:assert/strict";
import { Fixture, JSON_TYPE, settle } from "../../support/fixture.ts";
import { LiveFeed, messagesOf } from "./live_kit.ts";

/** Has reads held once they have been made, until they are released in whichever order. */
function holdReads({ storage }: Fixture): (() => void)[] {
  const read = storage.read.bind(storage);
  const held: (() => void)[] = [];
  storage.read = async (...args) => {
    const result = await read(...args);
    await new Promise<void>((resolve) => held.push(resolve));
    return result;
  };
  return held;
}

/** Counts what is watched. */
function countWatches({ storage }: Fixture): () => number {
  const watch = storage.watch.bind(storage);
  let count = 0;
  storage.watch = async (...args) => {
    const watched = await watch(...args);
    count++;
    return {
      cancel() {
        count--;
        watched.cancel();
      },
    };
  };
  return () => count;
}

/** What comes of the stream `s` without waiting for anything else. */
function messagesOfS(feed: LiveFeed): () => Promise<unknown[]> {
  let next: ReturnType<LiveFeed["chunk"]> | undefined;
  return async () => {
    const messages: unknown[] = [];
    while (true) {
      next ??= feed.chunk();
      const events = await Promise.race([next, settle().then(settle)]);
      if (events === undefined) return messages;
      next = undefined;
      messages.push(...messagesOf(events)["s"] ?? []);
    }
  };
}

Deno.test("one who comes gets what was appended between its first read and its turn to follow", async () => {
  const served = new Fixture();
  await served.make("s", JSON_TYPE, "[0]");
  const others = await LiveFeed.get(served, "stream=s@-1");
  const ofOthers = messagesOfS(others);
  deepEqual(await ofOthers(), [0]);
  const held = holdReads(served);
  await served.append("s", JSON_TYPE, "[1]");
  await settle();
  const late = await LiveFeed.get(served, "stream=s@-1");
  await settle();
  equal(held.length, 2);
  await served.append("s", JSON_TYPE, "[2]");
  await settle();
  // What the others' first read shows is old by now, and their second one is under way.
  held[0]?.();
  await settle();
  held[1]?.();
  for (let i = 2; i < 8; i++) {
    await settle();
    held[i]?.();
  }
  deepEqual(await messagesOfS(late)(), [0, 1, 2]);
  deepEqual(await ofOthers(), [1, 2]);
  await Promise.all([late.cancel(), others.cancel()]);
});

Deno.test("one who comes to what others follow is read for once, and gets what comes then", async () => {
  const served = new Fixture();
  await served.make("s", JSON_TYPE, "[0]");
  const first = await LiveFeed.get(served, "stream=s@-1");
  deepEqual(await messagesOfS(first)(), [0]);
  const held = holdReads(served);
  const second = await LiveFeed.get(served, "stream=s@-1");
  const ofSecond = messagesOfS(second);
  await settle();
  held[0]?.();
  deepEqual(await ofSecond(), [0]);
  equal(held.length, 1);
  await served.append("s", JSON_TYPE, "[1]");
  await settle();
  held[1]?.();
  deepEqual(await ofSecond(), [1]);
  equal(held.length, 2);
  await Promise.all([first.cancel(), second.cancel()]);
});

for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1]]) {
  Deno.test(`a stream isn't watched any more once all have left, in the order ${order}`, async () => {
    const served = new Fixture();
    const watches = countWatches(served);
    await served.make("s", JSON_TYPE);
    const feeds: LiveFeed[] = [];
    for (let i = 0; i < 3; i++) feeds.push(await LiveFeed.get(served, "stream=s@-1"));
    await settle();
    equal(watches(), 1);
    for (const [left, i] of order.entries()) {
      await feeds[i]?.cancel();
      await settle();
      equal(watches(), left < 2 ? 1 : 0);
    }
  });
}

Deno.test("a stream that is taken out while it waits for its turn isn't waited for", async () => {
  const served = new Fixture();
  for (const name of ["s", "quiet"]) await served.make(name, JSON_TYPE);
  const feed = await LiveFeed.post(served, {
    streams: ["s", "quiet"].map((stream) => ({ stream, offset: "-1" })),
  });
  const [open] = await feed.upTo(({ type, head }) => type === "control" && head.upToDate);
  const big = JSON.stringify(["x".repeat(4000)]);
  for (let i = 0; i < 40; i++) {
    await served.append("s", JSON_TYPE, big);
    await settle();
  }
  const change = JSON.stringify({ remove: ["s"] });
  equal((await served.post(`__ds/live/${open?.head.connection}`, {}, change)).status, 204);
  const events = await feed.upTo(({ type, head }) => type === "set" && head.removed.length > 0);
  ok((messagesOf(events)["s"]?.length ?? 0) < 40, "it was behind");
  await served.append("quiet", JSON_TYPE, "[1]");
  const rest = await feed.upTo(({ type, head }) => type === "data" && head.stream === "quiet");
  equal(rest.findLast(({ type }) => type === "control")?.head.upToDate, true);
  await feed.cancel();
});
