import { StreamError } from "../../../src/protocol/errors.ts";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  BINARY,
  CLOSE,
  expectError,
  Fixture,
  isPending,
  JSON_TYPE,
  settle,
  TEXT,
} from "../../support/fixture.ts";
import { formatLiveEventId } from "../../../src/protocol/live_event_id.ts";
import { LiveFeed, messagesOf, typesOf } from "./live_kit.ts";

/** Many streams on one connection: `__ds/live`. */

/** More than are read at once. */
const MANY = Array.from({ length: 30 }, (_, i) => `s${String(i).padStart(2, "0")}`);

async function followed(served: Fixture): Promise<string> {
  return await (await served.app.request("/metrics")).text();
}

async function withJson(...names: string[]): Promise<Fixture> {
  const served = new Fixture({ listing: true });
  for (const name of names) await served.make(name, JSON_TYPE, JSON.stringify([`${name}0`]));
  return served;
}

Deno.test("a connection brings what there is of all its streams, then what comes, in one chunk a turn", async () => {
  const served = await withJson("a", "b/c");
  const feed = await LiveFeed.get(served, "stream=a@-1&stream=b/c@now");
  const first = await feed.upTo(({ type }) => type === "control");
  deepEqual(typesOf(first), ["open", "set", "data a", "control"]);
  deepEqual(
    first[1]?.head.added.map(({ stream, upToDate, contentType }: Record<string, unknown>) => [
      stream,
      upToDate,
      contentType,
    ]),
    [["a", false, "application/json"], ["b/c", true, "application/json"]],
  );
  deepEqual(messagesOf(first), { a: ["a0"] });
  equal(first[3]?.head.upToDate, true);
  await Promise.all([
    served.append("a", JSON_TYPE, '["a1"]'),
    served.append("b/c", JSON_TYPE, '["c1","c2"]'),
  ]);
  const next = await feed.chunk();
  deepEqual(typesOf(next), ["data a", "data b/c", "control"]);
  deepEqual(messagesOf(next), { a: ["a1"], "b/c": ["c1", "c2"] });
  equal(next[0]?.head.upToDate, true);
  equal(next[0]?.head.nextOffset, served.offset(12));
  await feed.cancel();
});

Deno.test("text and bytes come back as they are, whatever their line ends", async () => {
  const served = new Fixture();
  const texts = ["a\nb", "a\r\nb\r", " x", "\n\n", "event: data\ndata: {}\n\n", "ü€𝄞"];
  for (const [i, text] of texts.entries()) await served.make(`t${i}`, TEXT, text);
  await served.make("b", BINARY, Uint8Array.of(0, 255, 10, 13));
  await served.make("bad", TEXT, Uint8Array.of(0x61, 0xff, 0x62));
  const names = [...texts.keys()].map((i) => `t${i}`);
  const feed = await LiveFeed.post(served, {
    streams: [...names, "b", "bad"].map((stream) => ({ stream, offset: "-1" })),
  });
  const events =
    (await feed.upTo(({ head }) => head.upToDate === true && head.stream === undefined))
      .filter(({ type }) => type === "data");
  const contents = new Map(events.map(({ head, payload }) => {
    const bytes = head.encoding === "base64"
      ? Uint8Array.from(atob(payload), (char) => char.charCodeAt(0))
      : new TextEncoder().encode(payload);
    return [head.stream, bytes];
  }));
  for (const [i, text] of texts.entries()) {
    equal(new TextDecoder().decode(contents.get(`t${i}`)), text);
  }
  deepEqual(contents.get("b"), Uint8Array.of(0, 255, 10, 13));
  deepEqual(contents.get("bad"), Uint8Array.of(0x61, 0xff, 0x62));
  await feed.cancel();
});

Deno.test("a character that arrives in pieces comes whole", async () => {
  const served = new Fixture();
  await served.make("t", TEXT, Uint8Array.of(0x31, 0xe2, 0x82));
  const feed = await LiveFeed.get(served, "stream=t@-1");
  const [data] = (await feed.upTo(({ type }) => type === "data"))
    .filter(({ type }) => type === "data");
  equal(data?.payload, "1");
  await served.append("t", TEXT, Uint8Array.of(0xac));
  const [rest] = await feed.chunk();
  equal(rest?.payload, "€");
  await feed.cancel();
});

Deno.test("a stream's end and its error end only itself", async () => {
  const served = await withJson("a", "b", "c");
  const feed = await LiveFeed.post(served, {
    streams: ["a", "b", "c", "missing"].map((stream) => ({ stream, offset: "-1" })),
  });
  const first = await feed.upTo(({ type, head }) => type === "control" && head.upToDate);
  const error = first.find(({ type }) => type === "error")?.head;
  deepEqual([error.stream, error.status, error.code], ["missing", 404, "not_found"]);
  match(error.message, /missing/);
  await served.append("a", { ...JSON_TYPE, ...CLOSE }, '["a1"]');
  deepEqual(typesOf(await feed.chunk()), ["data a", "closed a", "control"]);
  await served.delete("b");
  const gone = await feed.chunk();
  deepEqual([gone[0]?.type, gone[0]?.head.stream, gone[0]?.head.status], ["error", "b", 404]);
  await served.append("c", JSON_TYPE, '["c1"]');
  deepEqual(messagesOf(await feed.chunk()), { c: ["c1"] });
  await feed.cancel();
});

Deno.test("a stream that is made again under its name isn't read on", async () => {
  const served = await withJson("a", "b");
  const feed = await LiveFeed.get(served, "stream=a@-1&stream=b@-1");
  await feed.upTo(({ type }) => type === "control");
  await served.delete("a");
  await served.make("a", JSON_TYPE, '["new"]');
  const [event] = await feed.chunk();
  deepEqual([event?.type, event?.head.stream], ["error", "a"]);
  ok([404, 410].includes(event?.head.status));
  await feed.cancel();
});

Deno.test("an offset of a deleted stream is 410, and those of others go on", async () => {
  const served = await withJson("a");
  const offset = served.offset(4);
  await served.delete("a");
  await served.make("a", JSON_TYPE, '["new"]');
  const feed = await LiveFeed.post(served, { streams: [{ stream: "a", offset }] });
  const events = await feed.upTo(({ type }) => type === "error");
  equal(events.find(({ type }) => type === "error")?.head.status, 410);
  await feed.cancel();
});

Deno.test("a Last-Event-ID continues all streams where they were, and the ended ones not at all", async () => {
  const served = await withJson("a", "b", "c");
  const query = "stream=a@-1&stream=b@now&stream=c@-1";
  const feed = await LiveFeed.get(served, query);
  await feed.upTo(({ type }) => type === "control");
  await served.append("c", { ...JSON_TYPE, ...CLOSE }, '["c1"]');
  const last = (await feed.chunk()).at(-1);
  await feed.cancel();
  ok(last !== undefined && last.id.length < 100);
  await served.append("a", JSON_TYPE, '["a1"]');
  await served.append("b", JSON_TYPE, '["b1"]');
  const again = await LiveFeed.get(served, query, { "last-event-id": last.id });
  const events = await again.upTo(({ type, head }) => type === "control" && head.upToDate);
  deepEqual(messagesOf(events), { a: ["a1"], b: ["b1"] });
  await served.append("a", CLOSE, undefined);
  await served.append("b", CLOSE, undefined);
  const rest = await again.rest();
  const over = await served.get(`__ds/live?${query}`, { "last-event-id": rest.at(-1)?.id ?? "" });
  equal(over.status, 204);
});

for (const query of [MANY.map((name) => `stream=${name}@now`).join("&"), "pattern=*@now"]) {
  Deno.test(`a client that is cut off while it comes back continues where it was: ${query.slice(0, 12)}`, async () => {
    const served = await withJson(...MANY);
    const feed = await LiveFeed.get(served, query);
    const events = await feed.upTo(({ type, head }) => type === "control" && head.upToDate);
    await feed.cancel();
    const data = "x".repeat(15_000);
    for (const name of MANY) await served.append(name, JSON_TYPE, JSON.stringify([data]));
    let id = events.at(-1)?.id ?? "";
    const seen: Record<string, unknown[]> = {};
    for (let cuts = 0; Object.keys(seen).length < MANY.length; cuts++) {
      ok(cuts < 20);
      const again = await LiveFeed.get(served, query, { "last-event-id": id });
      const cut = await again.upTo(({ type }) => type === "control");
      await again.cancel();
      id = cut.at(-1)?.id ?? "";
      for (const [name, messages] of Object.entries(messagesOf(cut))) {
        (seen[name] ??= []).push(...messages);
      }
    }
    deepEqual(seen, Object.fromEntries(MANY.map((name) => [name, [data]])));
  });
}

Deno.test("a Last-Event-ID of another set, or of nobody, is refused", async () => {
  const served = await withJson("a");
  for (const id of ["x", "AQEC", "AQI", "__________8"]) {
    const answer = await served.get("__ds/live?stream=a@-1", { "last-event-id": id });
    await expectError(answer, 400, "invalid_offset", /Last-Event-ID/);
  }
});

Deno.test("the set changes while the connection is open", async () => {
  const served = await withJson("a", "b", "c");
  const feed = await LiveFeed.post(served, { streams: [{ stream: "a", offset: "now" }] });
  const [open] = await feed.upTo(({ type }) => type === "control");
  const url = `__ds/live/${open?.head.connection}`;
  const change = { add: [{ stream: "b", offset: "-1" }], remove: ["a"] };
  equal((await served.post(url, {}, JSON.stringify(change))).status, 204);
  const events = await feed.chunk();
  deepEqual(typesOf(events), ["set", "data b", "control"]);
  deepEqual(events[0]?.head.removed, ["a"]);
  await served.append("a", JSON_TYPE, '["a1"]');
  await served.append("b", JSON_TYPE, '["b1"]');
  deepEqual(messagesOf(await feed.chunk()), { b: ["b1"] });
  await feed.cancel();
  await settle();
  await expectError(await served.post(url, {}, JSON.stringify(change)), 404, "not_found");
});

Deno.test("a pattern takes in what is there and what is made later, each once", async () => {
  const served = await withJson("jobs/1", "jobs/2/log", "other");
  const feed = await LiveFeed.post(served, { patterns: [{ pattern: "jobs/**", offset: "now" }] });
  const first = await feed.upTo(({ type }) => type === "control");
  deepEqual(first[1]?.head.added.map(({ stream }: { stream: string }) => stream), [
    "jobs/1",
    "jobs/2/log",
  ]);
  await served.make("jobs/3", JSON_TYPE, '["new"]');
  await served.make("other2", JSON_TYPE, '["new"]');
  served.clock.advance(1000);
  deepEqual(messagesOf(await feed.upTo(({ type }) => type === "data")), { "jobs/3": ["new"] });
  await served.append("jobs/3", CLOSE, undefined);
  deepEqual(typesOf(await feed.chunk()), ["closed jobs/3", "control"]);
  await served.delete("jobs/1");
  await feed.chunk();
  await served.make("jobs/1", JSON_TYPE, '["again"]');
  served.clock.advance(2000);
  deepEqual(messagesOf(await feed.upTo(({ type }) => type === "data")), { "jobs/1": ["again"] });
  await feed.cancel();
});

Deno.test("what ended a stream comes before the one that was made again, also where both are sent at once", async () => {
  const served = new Fixture({ listing: true, livePaceMs: 3000 });
  await served.make("jobs/1", JSON_TYPE, '["old"]');
  const feed = await LiveFeed.post(served, { patterns: [{ pattern: "jobs/*", offset: "-1" }] });
  await settle();
  served.clock.advance(3000);
  await feed.upTo(({ type }) => type === "data");
  await served.append("jobs/1", JSON_TYPE, '["older"]');
  await settle();
  await served.delete("jobs/1");
  await settle();
  await served.make("jobs/1", JSON_TYPE, '["again"]');
  for (let i = 0; i < 5; i++) {
    served.clock.advance(1000);
    await settle();
  }
  const events = await feed.upTo(({ payload }) => payload === '["again"]');
  const types = typesOf(events).filter((type) => type !== "control");
  deepEqual(types, ["data jobs/1", "error jobs/1", "set", "data jobs/1"]);
  await feed.cancel();
});

Deno.test("a pattern's streams continue after a Last-Event-ID, and new ones begin at their start", async () => {
  const served = await withJson("jobs/1", "jobs/2");
  const query = "pattern=jobs/*@now";
  const feed = await LiveFeed.get(served, query);
  await feed.upTo(({ type }) => type === "control");
  await served.append("jobs/1", { ...JSON_TYPE, ...CLOSE }, '["x"]');
  const id = (await feed.chunk()).at(-1)?.id ?? "";
  await feed.cancel();
  await served.append("jobs/2", JSON_TYPE, '["y"]');
  await served.make("jobs/3", JSON_TYPE, '["z"]');
  const again = await LiveFeed.get(served, query, { "last-event-id": id });
  const events = await again.upTo(({ head }) =>
    head.stream === "jobs/3" && head.nextOffset !== undefined
  );
  deepEqual(messagesOf(events), { "jobs/2": ["y"], "jobs/3": ["z"] });
  ok(!typesOf(events).includes("closed jobs/1"));
  await again.cancel();
});

Deno.test("a closed stream that two patterns mean, or its own name and a pattern, comes once", async () => {
  const served = await withJson("jobs/1", "jobs/2");
  await served.append("jobs/1", CLOSE, undefined);
  await served.append("jobs/2", CLOSE, undefined);
  const patterns = ["jobs/*", "jobs/**"].map((pattern) => ({ pattern, offset: "-1" }));
  const streams = [{ stream: "jobs/1", offset: "-1" }];
  const feed = await LiveFeed.post(served, { streams, patterns });
  const events = [...await feed.upTo(({ type }) => type === "control")];
  await settle();
  await served.make("jobs/3", { ...JSON_TYPE, ...CLOSE }, '["new"]');
  served.clock.advance(1000);
  events.push(
    ...await feed.upTo(({ type, head }) => type === "closed" && head.stream === "jobs/3"),
  );
  served.clock.advance(2000);
  await settle();
  await served.make("jobs/4", JSON_TYPE, '["last"]');
  served.clock.advance(2000);
  events.push(...await feed.upTo(({ type, head }) => type === "data" && head.stream === "jobs/4"));
  deepEqual(messagesOf(events), {
    "jobs/1": ["jobs/10"],
    "jobs/2": ["jobs/20"],
    "jobs/3": ["new"],
    "jobs/4": ["last"],
  });
  await feed.cancel();
});

Deno.test("after a Last-Event-ID a pattern doesn't bring a named stream again whose end is known", async () => {
  const served = await withJson("jobs/1", "jobs/2");
  await served.append("jobs/1", CLOSE, undefined);
  const query = "stream=jobs/1@-1&pattern=jobs/*@-1";
  const feed = await LiveFeed.get(served, query);
  const events = await feed.upTo(({ type, head }) => type === "data" && head.stream === "jobs/2");
  const id = events.at(-1)?.id ?? "";
  await feed.cancel();
  await served.append("jobs/2", JSON_TYPE, '["y"]');
  const again = await LiveFeed.get(served, query, { "last-event-id": id });
  events.push(...await again.upTo(({ type, head }) => type === "data" && head.stream === "jobs/2"));
  deepEqual(messagesOf(events), { "jobs/1": ["jobs/10"], "jobs/2": ["jobs/20", "y"] });
  await again.cancel();
});

Deno.test("a Last-Event-ID that has a stream twice leaves nothing behind", async () => {
  const served = new Fixture({ metrics: "/metrics" });
  for (const name of ["a", "b"]) await served.make(name, JSON_TYPE, "[1]");
  const [a, b] = [1, 2].map((id) => ({
    space: parseInt(served.storage.identity, 16) + id,
    position: 0,
  }));
  ok(a && b);
  const others = [a, b, b].map((place) => ({
    name: place === a ? "a" : "b",
    place,
    hasEnded: false,
  }));
  const id = formatLiveEventId({ places: [a], others });
  const feed = await LiveFeed.get(served, "stream=a@-1", { "last-event-id": id });
  await feed.upTo(({ type }) => type === "control");
  match(await followed(served), /\ndurable_streams_followed_streams 2\n/);
  await feed.cancel();
  await settle();
  match(await followed(served), /\ndurable_streams_followed_streams 0\n/);
});

Deno.test("a client that doesn't read gets 64 KiB and then catches up, and the streams take turns", async () => {
  const served = new Fixture();
  const names = ["fast", "slow1", "slow2"];
  for (const name of names) await served.make(name, JSON_TYPE);
  const feed = await LiveFeed.post(served, {
    streams: names.map((stream) => ({ stream, offset: "-1" })),
  });
  await feed.upTo(({ type }) => type === "control");
  const big = "x".repeat(4000);
  for (let i = 0; i < 100; i++) {
    await served.append("fast", JSON_TYPE, JSON.stringify([`${i} ${big}`]));
    await settle();
  }
  await served.append("slow1", JSON_TYPE, '["1"]');
  await served.append("slow2", JSON_TYPE, '["2"]');
  await settle();
  const seen: string[] = [];
  let fast = 0;
  let before = 0;
  while (fast < 100 || seen.length < 2) {
    for (const { type, head, payload } of await feed.chunk()) {
      if (type !== "data") continue;
      if (head.stream === "fast") {
        const messages: string[] = JSON.parse(payload);
        for (const message of messages) equal(message, `${fast++} ${big}`);
      } else {
        seen.push(head.stream);
        before = fast;
      }
    }
  }
  deepEqual(seen, ["slow1", "slow2"]);
  // Not behind all of the fast one's 400 KB: what was queued, and a turn.
  ok(before < 50, `${before} of the fast stream's messages came first`);
  await feed.cancel();
});

Deno.test("a connection whose client asks for changes without reading is ended once too much is unread", async () => {
  const served = await withJson("a");
  const feed = await LiveFeed.post(served, { streams: [{ stream: "a", offset: "now" }] });
  const [open] = await feed.upTo(({ type }) => type === "control");
  const remove = Array.from({ length: 500 }, (_, i) => `${i}${"x".repeat(200)}`);
  const change = JSON.stringify({ remove });
  const path = `__ds/live/${open?.head.connection}`;
  const statuses: number[] = [];
  for (let i = 0; i < 30 && statuses.at(-1) !== 404; i++) {
    statuses.push((await served.post(path, {}, change)).status);
    await settle();
  }
  equal(statuses.at(-1), 404);
  equal(statuses[0], 204);
  ok(statuses.length > 5);
});

Deno.test("limits: streams of a connection, of all, in a URL, twice the same, none at all", async () => {
  const served = new Fixture({ maxLiveStreams: 2, maxFollowedStreams: 3, listing: true });
  for (const name of ["a", "b", "c", "d"]) await served.make(name, JSON_TYPE, "[1]");
  const feed = await LiveFeed.get(served, "stream=a@-1&stream=b@-1&stream=c@-1");
  const events = await feed.upTo(({ type }) => type === "control");
  const error = events.find(({ type }) => type === "error")?.head;
  deepEqual([error.stream, error.status, error.code], ["c", 400, "too_many_streams"]);
  const other = await LiveFeed.get(served, "pattern=*@-1");
  const pattern = (await other.upTo(({ type }) => type === "error")).find(({ type }) =>
    type === "error"
  );
  deepEqual([pattern?.head.pattern, pattern?.head.code], ["*", "too_many_readers"]);
  await other.cancel();
  await feed.cancel();
  const many = Array.from({ length: 101 }, (_, i) => `stream=s${i}@-1`).join("&");
  await expectError(await served.get(`__ds/live?${many}`), 400, "invalid_query", /100 at most/);
  await expectError(
    await served.get("__ds/live?stream=a@-1&stream=a@now"),
    400,
    "invalid_query",
    /twice/,
  );
  await expectError(await served.get("__ds/live"), 400, "invalid_query", /no stream/);
  await expectError(
    await served.get("__ds/live?stream=a"),
    400,
    "invalid_query",
    /stream=NAME@OFFSET/,
  );
  await expectError(await served.get("__ds/live?pattern=a*@-1"), 400, "invalid_query", /pattern/);
  await expectError(await served.get("__ds/live?pattern=*@0"), 400, "invalid_query", /-1 or now/);
  await expectError(await served.put("__ds/live"), 405, "method_not_allowed");
  await expectError(await served.post("__ds/live", {}, "[1"), 400, "invalid_json");
  await expectError(await served.post("__ds/live", {}, '{"streams":[{}]}'), 400, "invalid_json");
  await expectError(await served.get("__ds/live/x"), 405, "method_not_allowed");
});

Deno.test("a quiet connection gets a comment, and ends when its time is over", async () => {
  const served = await withJson("a");
  served.clock.advance(0);
  const answer = await served.get("__ds/live?stream=a@now");
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  await settle();
  for (let i = 0; i < 610; i++) {
    served.clock.advance(1000);
    if (i % 100 === 0) await settle();
  }
  let text = "";
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    text += next.value;
  }
  ok(text.split("\n").filter((line) => line === ":").length > 50);
  match(text, /event: control/);
});

Deno.test("of more streams than are read at once each is followed, also those that have nothing at first", async () => {
  const names = Array.from({ length: 50 }, (_, i) => `s${i}`);
  const served = new Fixture();
  for (const name of names) await served.make(name, JSON_TYPE);
  const feed = await LiveFeed.post(served, {
    streams: names.map((stream) => ({ stream, offset: "now" })),
  });
  await feed.upTo(({ type, head }) => type === "control" && head.upToDate);
  await settle();
  for (const name of names.toReversed()) {
    await served.append(name, JSON_TYPE, "[1]");
    await settle();
  }
  const seen = new Set<string>();
  while (seen.size < names.length) {
    const chunk = await Promise.race([feed.chunk(), settle().then(settle).then(() => [])]);
    ok(chunk.length > 0, `only ${seen.size} came`);
    for (const name of Object.keys(messagesOf(chunk))) seen.add(name);
  }
  await feed.cancel();
});

Deno.test("what comes soon after something was sent goes together, a few milliseconds later", async () => {
  const served = new Fixture({ livePaceMs: 10 });
  for (const name of ["a", "b"]) await served.make(name, JSON_TYPE);
  const feed = await LiveFeed.get(served, "stream=a@-1&stream=b@-1");
  served.clock.advance(10);
  await feed.upTo(({ type, head }) => type === "control" && head.upToDate);
  served.clock.advance(20);
  await served.append("a", JSON_TYPE, "[1]");
  deepEqual(messagesOf(await feed.chunk()), { a: [1] });
  await served.append("b", JSON_TYPE, "[2]");
  await settle();
  await served.append("a", JSON_TYPE, "[3]");
  const next = feed.chunk();
  ok(await isPending(next));
  served.clock.advance(10);
  deepEqual(messagesOf(await next), { a: [3], b: [2] });
  await feed.cancel();
});

Deno.test("a stream whose place is trimmed is told where its rest begins, and the others go on", async () => {
  const served = await withJson("a", "b");
  const { read } = served.storage;
  const offset = served.offset(0);
  served.storage.read = (name, from, limit) => {
    if (name !== "a") return read.call(served.storage, name, from, limit);
    const space = parseInt(offset.slice(0, 8), 36);
    return Promise.reject(
      new StreamError({ code: "offset_trimmed", space, earliest: 6 }, "It was trimmed."),
    );
  };
  const feed = await LiveFeed.post(served, {
    streams: ["a", "b"].map((stream) => ({ stream, offset: "-1", tag: 7 })),
  });
  const events = await feed.upTo(({ type }) => type === "data");
  const error = events.find(({ type }) => type === "error")?.head;
  deepEqual([error.stream, error.status, error.code, error.tag], ["a", 410, "offset_trimmed", 7]);
  equal(error.earliestOffset, served.offset(6));
  await feed.cancel();
});
