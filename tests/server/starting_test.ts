import { deepEqual, equal } from "node:assert/strict";
import { createStartingHandler } from "../../src/server/app.ts";
import type { AppOptions } from "../../src/server/common/options.ts";
import { fetchWith } from "../../src/http/fetch.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import type { StartProgress } from "../../src/storage/start_progress.ts";
import { type Fields, TEXT } from "../support/fixture.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { TableAuthority } from "./access/authority.ts";

const APPLYING: StartProgress = {
  state: "recovering",
  step: "apply",
  readBytes: 30,
  logBytes: 40,
};

/** A server whose storage isn't open yet. */
function startingServer(options: Omit<AppOptions, "storage"> = {}) {
  let progress: StartProgress = { state: "starting" };
  const always = {
    health: "/health",
    metrics: "/metrics",
    listing: true,
    welcome: true,
    clock: new ManualClock(),
  };
  const { handler, serve, prepare } = createStartingHandler(
    { ...always, ...options },
    () => progress,
  );
  const change = (changed: Omit<AppOptions, "storage">) => prepare({ ...always, ...changed })();
  const send = (method: string, path: string, headers: Fields = {}, body: string | null = null) =>
    fetchWith(handler, new Request(`http://localhost${path}`, { method, headers, body }));
  return { send, serve, change, report: (reported: StartProgress) => progress = reported };
}

Deno.test("before its storage is open the health says that the server lives and how far the start is", async () => {
  const { send, report } = startingServer({ version: "1.2.3" });
  const ask = async (path: string) => {
    const answer = await send("GET", path);
    return [answer.status, answer.headers.get("retry-after"), await answer.json()];
  };
  deepEqual(await ask("/health/live"), [200, null, { status: "live" }]);
  deepEqual(await ask("/health/ready"), [503, "1", { status: "starting" }]);
  report(APPLYING);
  const recovery = { step: "apply", readBytes: 30, logBytes: 40 };
  deepEqual(await ask("/health/ready"), [503, "1", { status: "recovering", recovery }]);
  deepEqual(await ask("/health"), [
    503,
    "1",
    { status: "recovering", version: "1.2.3", uptimeMs: 0, recovery },
  ]);
  equal((await send("HEAD", "/health/live")).status, 200);
  equal((await send("POST", "/health/ready")).status, 405);
});

Deno.test("whatever else is asked is answered that the server starts, and when to ask again", async () => {
  const { send, report } = startingServer();
  report(APPLYING);
  const requests = [
    ...["GET", "HEAD", "PUT", "POST", "DELETE", "BREW"].map((method) => [method, "/v1/stream/a"]),
    ["GET", "/v1/stream/a?offset=now&live=sse"],
    ["GET", "/v1/stream/a?offset=nonsense"],
    ["GET", "/v1/stream/__ds/streams"],
    ["GET", "/v1/stream/__ds/subscriptions/s"],
    ["GET", "/v1/stream/__ds/session"],
    ["GET", "/metrics"],
    ["GET", "/nothing"],
    ["GET", "/"],
  ] as const;
  for (const [method = "", path = ""] of requests) {
    const body = method === "PUT" || method === "POST" ? "x" : null;
    const answer = await send(method, path, TEXT, body);
    const { headers } = answer;
    deepEqual(
      [answer.status, headers.get("retry-after"), headers.get("cache-control")],
      [503, "1", "no-store"],
      `${method} ${path}`,
    );
    const text = await answer.text();
    if (method === "HEAD") continue;
    const message = "The server is starting, and applies its log, 75% so far: try again.";
    const code = path.includes("subscriptions") ? "STARTING" : "starting";
    const { error } = JSON.parse(text);
    deepEqual([error.code, error.message], [code, message], `${method} ${path}`);
  }
  // A page that asks beforehand would else never learn that it may ask again.
  equal((await send("OPTIONS", "/v1/stream/a")).status, 204);
});

Deno.test("who may ask is decided before the storage is open as afterwards", async () => {
  const authority = new TableAuthority();
  const { send } = startingServer({ authorize: authority, cors: "none", allowedHosts: [] });
  const known = authority.token("t", ["read a"]);
  equal((await send("GET", "/v1/stream/a")).status, 401);
  equal((await send("GET", "/v1/stream/a", { authorization: "Bearer x" })).status, 401);
  const answer = await send("GET", "/v1/stream/a", known);
  deepEqual([answer.status, answer.headers.get("cache-control")], [503, "private, no-store"]);
  equal((await send("GET", "/health/ready")).status, 503);
  equal((await send("GET", "/health")).status, 401);
  equal((await send("GET", "/health", known)).status, 403);
  const page = { origin: "https://app.example" };
  equal((await send("GET", "/v1/stream/a", { ...known, ...page })).status, 403);
});

Deno.test("a client's limits count what it asks while the server starts, and go on with that", async () => {
  const clientLimits = { requests: { perSecond: 1, burst: 3 } };
  const { send, serve } = startingServer({ clientLimits });
  const ask = async () => (await send("GET", "/v1/stream/a")).status;
  deepEqual([await ask(), await ask()], [503, 503]);
  serve(createMemoryStorage());
  deepEqual([await ask(), await ask()], [404, 429]);
});

Deno.test("once its storage is open the server serves it, and tells what it counted before", async () => {
  const { send, serve } = startingServer();
  equal((await send("PUT", "/v1/stream/a", TEXT, "x")).status, 503);
  const storage = createMemoryStorage();
  serve(storage);
  equal((await send("GET", "/v1/stream/a")).status, 404);
  equal((await send("PUT", "/v1/stream/a", TEXT, "hello")).status, 201);
  equal(await (await send("GET", "/v1/stream/a")).text(), "hello");
  deepEqual(await (await send("GET", "/health/ready")).json(), { status: "ok" });
  const metrics = await (await send("GET", "/metrics")).text();
  equal(/^durable_streams_errors_total\{code="starting"\} (\d+)$/m.exec(metrics)?.[1], "1");
  await storage.close();
});

Deno.test("options that changed while the server started stay changed once its storage is open", async () => {
  const clientLimits = { requests: { perSecond: 1, burst: 2 } };
  const page = { origin: "https://app.example" };
  const { send, serve, change } = startingServer({ cors: "none", clientLimits });
  equal((await send("GET", "/v1/stream/a", page)).status, 403);
  equal((await send("GET", "/v1/stream/a")).status, 503);
  change({ cors: ["https://app.example"] });
  serve(createMemoryStorage());
  equal((await send("GET", "/v1/stream/a", page)).status, 404);
  // What the client has spent stays spent while nothing limits it.
  change({ clientLimits });
  deepEqual(
    [(await send("GET", "/v1/stream/a")).status, (await send("GET", "/v1/stream/a")).status],
    [404, 429],
  );
});
