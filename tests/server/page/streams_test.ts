import { deepEqual, equal, ok } from "node:assert/strict";
import { expectError, Fixture, JSON_TYPE, producer, TEXT } from "../../support/fixture.ts";
import { createApp } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import type { ListRequest } from "../../../src/storage/storage.ts";
import { GuardedFixture } from "../access/authority.ts";

/** What the page is told of streams: lists, searches, trees, and all of one. */

const LIST = "__ds/page/streams";

interface Listed {
  readonly name: string;
}

async function ask(served: Fixture, query: Record<string, string>, headers = {}) {
  const answer = await served.get(`${LIST}?${new URLSearchParams(query)}`, headers);
  equal(answer.status, 200);
  const { streams, folders, next, scanned } = await answer.json();
  return {
    streams: streams.map(({ name }: Listed) => name),
    folders: folders?.map(({ name }: Listed) => name),
    next,
    scanned,
  };
}

/** All pages of a listing, after another. */
async function askAll(served: Fixture, query: Record<string, string>) {
  const streams: string[] = [];
  const folders: string[] = [];
  let after = "";
  for (let pages = 0; pages < 100; pages++) {
    const page = await ask(served, { ...query, after });
    streams.push(...page.streams);
    folders.push(...page.folders ?? []);
    if (page.next === undefined) return { streams, folders };
    after = page.next;
  }
  throw new Error("The listing has no end.");
}

Deno.test("a page of streams says of each what the page shows", async () => {
  const served = new Fixture({ page: true, listing: true });
  await served.make("a", TEXT, "hello");
  await served.make("b", { ...JSON_TYPE, "stream-ttl": "60" });
  await served.make("c", { ...TEXT, "stream-forked-from": "/v1/stream/a" });
  await served.send("POST", "a", { "stream-closed": "true" });
  const live = await served.get("b?offset=-1&live=sse");
  const { streams, next } = await (await served.get(`${LIST}?limit=2`)).json();
  const now = served.clock.nowMs();
  deepEqual(streams, [{
    name: "a",
    contentType: "text/plain",
    nextOffset: served.offset(5),
    closed: true,
    size: 5,
    lastAppendAt: new Date(now).toISOString(),
    readers: 0,
  }, {
    name: "b",
    contentType: "application/json",
    nextOffset: served.offset(0, 2),
    closed: false,
    size: 0,
    lastAppendAt: null,
    readers: 1,
    ttlSeconds: 60,
    expiresAt: new Date(now + 60_000).toISOString(),
  }]);
  equal(next, "b");
  const last = await (await served.get(`${LIST}?after=b`)).json();
  const [fork] = last.streams;
  deepEqual([fork.forkedFrom, fork.forkOffset], ["a", served.offset(5)]);
  await live.body?.cancel();
});

Deno.test("a search finds parts of names in any case, and says how many it looked at", async () => {
  const served = new Fixture({ page: true, listing: true });
  for (const name of ["logs/Web", "logs/db", "webs", "x/log"]) await served.make(name);
  const found = await ask(served, { q: "WEB" });
  deepEqual([found.streams, found.scanned, found.next], [["logs/Web", "webs"], 4, undefined]);
  deepEqual((await ask(served, { q: "logs" })).streams, ["logs/Web", "logs/db"]);
  deepEqual((await ask(served, { q: "logs", prefix: "logs/" })).streams, []);
  deepEqual((await askAll(served, { q: "e", limit: "1" })).streams, ["logs/Web", "webs"]);
});

Deno.test("a tree's level has folders once and the streams beside them, whatever lies below", async () => {
  const served = new Fixture({ page: true, listing: true });
  const names = ["a", "a/b", "a/b/c", "a0", "a/\u{10ffff}/x", "a/\u{10ffff}", "c//d", "b/c", "ä/ö"];
  for (const name of names) await served.make(encodeURIComponent(name));
  for (let i = 0; i < 200; i++) await served.make(`deep/${i}`);
  const root = { folders: ["a/", "b/", "c/", "deep/", "ä/"], streams: ["a", "a0"] };
  for (const limit of ["1", "2", "3", "1000"]) {
    const { streams, folders } = await askAll(served, { delimiter: "/", limit });
    deepEqual({ streams: streams.sort(), folders: folders.sort() }, root, `limit ${limit}`);
  }
  const below = await askAll(served, { delimiter: "/", prefix: "a/" });
  deepEqual(below, { streams: ["a/b", "a/\u{10ffff}"], folders: ["a/b/", "a/\u{10ffff}/"] });
  const { scanned } = await ask(served, { delimiter: "/", prefix: "" });
  ok(scanned < 300, `${scanned} looked at`);
  const some = await askAll(served, { delimiter: "/", q: "dee" });
  deepEqual(some, { streams: [], folders: ["deep/"] });
});

/** Has a storage list streams of these names, which come in this order, beside no others. */
async function listOnly(
  served: Fixture,
  names: readonly string[],
  onLook: (count: number) => void,
) {
  const [like] = (await served.storage.list({ limit: 1 })).streams;
  ok(like !== undefined);
  served.storage.list = ({ after = "", limit }) => {
    const from = names.findIndex((name) => name > after);
    const found = from < 0 ? [] : names.slice(from, from + limit);
    onLook(found.length);
    const next = from < 0 || from + limit >= names.length ? undefined : found.at(-1);
    return Promise.resolve({ streams: found.map((name) => ({ ...like, name })), next });
  };
}

Deno.test("others' streams count as looked at, so that no search and no tree walks through all of them", async () => {
  const served = new GuardedFixture({ page: true });
  await served.fill("a");
  const names = Array.from({ length: 100_000 }, (_, i) => {
    const name = `g/${String(i).padStart(6, "0")}`;
    return i % 1000 === 0 ? `${name}/mine` : name;
  });
  let looked = 0;
  await listOnly(served, names, (count) => looked += count);
  const some = served.authority.token("some", ["read,list g/*/mine"]);
  for (const query of [{ q: "mine" }, { delimiter: "/", prefix: "g/", limit: "1000" }]) {
    looked = 0;
    const first = await ask(served, query, some);
    ok(looked <= 41_000, `${looked} looked at`);
    equal(first.scanned <= 41, true);
    const all = new Set<string>();
    for (let after: string | undefined = ""; after !== undefined;) {
      const page = await ask(served, { ...query, after }, some);
      for (const name of [...page.streams, ...page.folders ?? []]) all.add(name);
      after = page.next;
    }
    equal(all.size, 100);
  }
});

Deno.test("a folder that was found is told, also where too many of others come behind it", async () => {
  const served = new GuardedFixture({ page: true });
  await served.fill("a");
  const names = Array.from({ length: 30_000 }, (_, i) => {
    const number = String(i).padStart(6, "0");
    return i < 100 ? `g/${number}/mine` : `h/${number}`;
  });
  await listOnly(served, names, () => {});
  const some = served.authority.token("some", ["read,list */*/mine"]);
  const { folders, next } = await ask(served, { delimiter: "/" }, some);
  deepEqual(folders, ["g/"]);
  const query = new URLSearchParams({ delimiter: "/", after: next });
  equal((await served.get(`${LIST}?${query}`, some)).status, 400);
});

Deno.test("what isn't granted is in no list, no search and no tree", async () => {
  const served = new GuardedFixture({ page: true });
  await served.fill("mine/a", "mine/b/c", "secret/a");
  await served.make("mine/fork", {
    ...TEXT,
    ...served.root,
    "stream-forked-from": "/v1/stream/secret/a",
  });
  const some = served.authority.token("some", ["read,list mine/**"]);
  deepEqual((await ask(served, {}, some)).streams, ["mine/a", "mine/b/c", "mine/fork"]);
  deepEqual((await ask(served, { q: "secret" }, some)).streams, []);
  deepEqual((await ask(served, { delimiter: "/" }, some)).folders, ["mine/"]);
  const text = await (await served.get(`${LIST}?prefix=mine`, some)).text();
  const details = await (await served.get("__ds/page/stream?name=mine/fork", some)).text();
  ok(!text.includes("secret") && !details.includes("secret"));
  const none = served.authority.token("none", ["read mine/**"]);
  equal((await served.get(LIST, none)).status, 403);
  equal((await served.get("__ds/page/stream?name=secret/a", some)).status, 403);
});

Deno.test("without --listing nothing is listed, and what can't be asked for is refused", async () => {
  const served = new Fixture({ page: true });
  await expectError(await served.get(LIST), 404, "not_found", /--listing/);
  const listed = new Fixture({ page: true, listing: true });
  for (const query of ["limit=0", "limit=1001", "limit=x", "delimiter=.", "q=a&q=b"]) {
    await expectError(await listed.get(`${LIST}?${query}`), 400, "invalid_query");
  }
  await expectError(await listed.post(LIST, {}, "x"), 405, "method_not_allowed");
  await expectError(await listed.get("__ds/page/nothing"), 404, "not_found");
});

Deno.test("one stream is described whole: producers, closure, forks, and what it is a fork of", async () => {
  const served = new Fixture({ page: true });
  await served.make("a", TEXT, "hello");
  for (const [id, epoch] of [["p2", 0], ["p1", 3]] as const) {
    equal((await served.post("a", { ...TEXT, ...producer(id, epoch, 0) }, "x")).status, 200);
  }
  await served.append("a", { ...TEXT, "stream-seq": "07" }, "y");
  await served.make("b", { "stream-forked-from": "/v1/stream/a", "stream-ttl": "60" });
  const last = { ...TEXT, ...producer("p1", 3, 1), "stream-closed": "true" };
  equal((await served.post("a", last, "z")).status, 200);
  const a = await (await served.get("__ds/page/stream?name=a")).json();
  deepEqual(a.producers, [{ id: "p1", epoch: 3, seq: 1 }, { id: "p2", epoch: 0, seq: 0 }]);
  deepEqual([a.producersTotal, a.seq, a.closed, a.tail], [2, "07", true, 9]);
  deepEqual([a.closedBy, a.forks, a.forkedFrom], [{ id: "p1", epoch: 3, seq: 1 }, ["b"], null]);
  const b = await (await served.get("__ds/page/stream?name=b")).json();
  deepEqual(b.forkedFrom, { name: "a", offset: served.offset(8) });
  deepEqual([b.lifetime, b.readers], [{ kind: "ttl", ttlSeconds: 60 }, 0]);
  equal(b.expiresAt, new Date(served.clock.nowMs() + 60_000).toISOString());
  await expectError(await served.get("__ds/page/stream?name=none"), 404, "not_found");
  await expectError(await served.get("__ds/page/stream"), 400, "invalid_query", /name=/);
});

Deno.test("a look at a stream is no use of it: one with a sliding end goes all the same", async () => {
  const served = new Fixture({ page: true, listing: true });
  await served.make("a", { ...TEXT, "stream-ttl": "10" });
  served.clock.advance(9000);
  equal((await served.get("__ds/page/stream?name=a")).status, 200);
  equal((await served.get(LIST)).status, 200);
  served.clock.advance(1500);
  await expectError(await served.get("__ds/page/stream?name=a"), 404, "not_found");
});

Deno.test("names that look like markup or paths come back as they are", async () => {
  const served = new Fixture({ page: true, listing: true });
  const names = ['<img src=x onerror="alert(1)">', "\u202egnp.exe", "a?b#c&d=e", "…\u200b", "%2F"];
  for (const name of names) await served.make(encodeURIComponent(name));
  deepEqual((await ask(served, {})).streams.sort(), [...names].sort());
  for (const name of names) {
    const query = new URLSearchParams({ name });
    equal((await (await served.get(`__ds/page/stream?${query}`)).json()).name, name);
  }
});

Deno.test("a search that nobody waits for any more looks no further", async () => {
  const storage = createMemoryStorage();
  for (let i = 0; i < 10_000; i++) await storage.create(`s${i}`, { contentType: "text/plain" });
  const list = storage.list.bind(storage);
  const gone = new AbortController();
  let lists = 0;
  Object.assign(storage, {
    list: (request: ListRequest) => {
      if (++lists === 2) gone.abort();
      return list(request);
    },
  });
  const app = createApp({ storage, page: true, listing: true });
  const url = "http://localhost/v1/stream/__ds/page/streams?q=nowhere";
  await app.fetch(new Request(url, { signal: gone.signal }));
  equal(lists, 2);
});
