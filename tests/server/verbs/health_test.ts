import { deepEqual, equal, match, throws } from "node:assert/strict";
import { createApp } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { checkpoint, inTime, machine, outcome, post, put, rest } from "../../crash/kit.ts";
import { OFFSET } from "../../support/offset.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const PATH = "/health";

async function ask(storage: Storage, clock = new ManualClock()) {
  const app = createApp({ storage, clock, health: PATH, version: "1.2.3" });
  const answer = await app.request(PATH);
  return { code: answer.status, ...await answer.json() };
}

Deno.test("the health says what there is, and that it is well", async () => {
  const storage = createMemoryStorage();
  const clock = new ManualClock();
  const app = createApp({ storage, clock, health: PATH, version: "1.2.3" });
  await put(storage, "here");
  clock.advance(1500);
  const answer = await app.request(`${PATH}?verbose`);
  equal(answer.status, 200);
  equal(answer.headers.get("cache-control"), "no-store");
  equal(answer.headers.get("content-type"), "application/json");
  deepEqual(await answer.json(), {
    status: "ok",
    version: "1.2.3",
    uptimeMs: 1500,
    storage: {
      loadedStreams: 1,
      openFiles: 0,
      logBytes: 0,
      queuedBytes: 0,
      checkpoints: 0,
      failedCheckpoints: 0,
      damagedStreams: 0,
      damagedSubscriptions: 0,
    },
    readers: { live: 0, cut: 0, refused: 0 },
    defects: 0,
  });
  const head = await app.request(PATH, { method: "HEAD" });
  deepEqual([head.status, await head.text()], [200, ""]);
  const other = await app.request(PATH, { method: "POST", body: "x" });
  deepEqual([other.status, other.headers.get("allow")], [405, "GET, HEAD"]);
  equal((await app.request(PATH, { method: "OPTIONS" })).status, 204);
});

Deno.test("streams that damage has set aside are told of, by name where streams are listed", async () => {
  const storage = createMemoryStorage();
  const status = storage.status();
  const stream = { id: 7, name: "x", reason: "A file is missing." };
  storage.status = () => ({ ...status, damagedStreams: [stream] });
  const told = async (listing: boolean) => {
    const app = createApp({ storage, health: PATH, listing });
    return (await (await app.request(PATH)).json()).damagedStreams;
  };
  deepEqual(await told(true), [stream]);
  deepEqual(await told(false), [{ id: 7 }]);
});

Deno.test("damage to subscriptions is in the health, by name where streams are listed", async () => {
  const storage = createMemoryStorage();
  const status = storage.status();
  const subscription = { id: 7, name: "x", reason: "A row is damaged." };
  storage.status = () => ({ ...status, damagedSubscriptions: [subscription] });
  const shown = async (listing: boolean) => {
    const app = createApp({ storage, health: PATH, listing });
    return (await (await app.request(PATH)).json()).damagedSubscriptions;
  };
  deepEqual(await shown(true), [subscription]);
  deepEqual(await shown(false), [{ id: 7 }]);
});

Deno.test("a stream may be called health, and without the option nothing is there", async () => {
  const storage = createMemoryStorage();
  const app = createApp({ storage, health: PATH });
  equal((await app.request("/v1/stream/health", { method: "PUT" })).status, 201);
  equal((await app.request("/v1/stream/x/health")).status, 404);
  match((await app.request("/v1/stream/health")).headers.get("stream-next-offset") ?? "", OFFSET);
  equal((await createApp({ storage }).request(PATH)).status, 404);
});

Deno.test("a path that would hide streams is refused", () => {
  const storage = createMemoryStorage();
  for (const health of ["/v1/stream", "/v1/streams/health", "/v1/stream/a", "health", "/a?b", ""]) {
    throws(
      () => createApp({ storage, health }),
      /health is ".*": expected a path such as \/health/,
    );
  }
});

Deno.test("after a failed sync the health is 503 and says why", async () => {
  const on = machine();
  const storage = await on.open();
  on.fileSystem.faults.add({ call: "sync", kind: "other" });
  equal(await outcome(put(storage, "here")), "storage_failed");
  const { code, status, reason } = await ask(storage);
  deepEqual([code, status], [503, "failed"]);
  match(reason, /takes no writes until the server is started again: sync .*an injected fault/);
});

Deno.test("on a full disk the health is 200 and says so, until there is room", async () => {
  const on = machine();
  const storage = await on.open({ walBytes: 256 * 1024 });
  await put(storage, "here");
  on.fileSystem.faults.add({ call: "write", kind: "no_space", path: /filling/, times: Infinity });
  equal(await inTime(on, post(storage, "here", "x".repeat(500_000))), "storage_full");
  const full = await ask(storage);
  deepEqual([full.code, full.status], [200, "full"]);
  match(full.reason, /The disk is full/);
  on.fileSystem.faults.clear();
  on.clock.advance(10_000);
  await rest();
  equal((await ask(storage)).status, "ok");
  await checkpoint(on);
  const { checkpoints, failedCheckpoints } = (await ask(storage)).storage;
  deepEqual([checkpoints > 0, failedCheckpoints], [true, 0]);
});

Deno.test("a server that stops says so", async () => {
  const stop = new AbortController();
  const app = createApp({ storage: createMemoryStorage(), health: PATH, signal: stop.signal });
  stop.abort();
  const answer = await app.request(PATH);
  deepEqual([answer.status, (await answer.json()).status], [503, "stopping"]);
});

Deno.test("a server lives as long as it answers, and is ready while it takes reads and writes", async () => {
  const storage = createMemoryStorage();
  const stop = new AbortController();
  const app = createApp({ storage, health: PATH, signal: stop.signal });
  const asked = async (part: string) => {
    const answer = await app.request(`${PATH}/${part}`);
    return [answer.status, await answer.json()];
  };
  const live = [200, { status: "live" }];
  deepEqual(await asked("live"), live);
  deepEqual(await asked("ready"), [200, { status: "ok" }]);
  const status = storage.status();
  for (const state of ["full", "out_of_files", "unreachable", "failed"] as const) {
    storage.status = () => ({ ...status, state, reason: "So it is." });
    deepEqual(await asked("ready"), [503, { status: state, reason: "So it is." }]);
    deepEqual(await asked("live"), live);
  }
  storage.status = () => status;
  stop.abort();
  deepEqual(await asked("ready"), [503, { status: "stopping" }]);
  deepEqual(await asked("live"), live);
  equal((await app.request(`${PATH}/liver`)).status, 404);
  equal((await app.request(`${PATH}/ready`, { method: "PUT" })).status, 405);
  const head = await app.request(`${PATH}/ready?x`, { method: "HEAD" });
  deepEqual([head.status, await head.text()], [503, ""]);
});
