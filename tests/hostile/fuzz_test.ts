import { deepEqual, equal, ok } from "node:assert/strict";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { createApp } from "../../src/server/app.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { RawConnection } from "../runtime/raw_http.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { Random } from "../support/random.ts";
import { underAttack } from "./attacked_server.ts";
import { type RandomRequest, randomRequest } from "./random_request.ts";

/** `FUZZ_SECONDS` says how long each of these goes on (6), `SEED` with which seed it begins. */
const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 6);
const FIRST_SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));
/** So many requests meet each of the answers looked for below, however slow the machine is. */
const LEAST = 5_000;
/** What is answered to a request that is understood, and to one that isn't. */
const ANSWERS = new Set([200, 201, 204, 304, 400, 403, 404, 405, 408, 409, 410, 413, 429]);

Deno.test("no request that can be made up meets a defect, and refused ones change nothing", async () => {
  const storage = createMemoryStorage({ clock: new ManualClock() });
  const app = createApp({
    storage,
    health: "/health",
    listing: true,
    longPollTimeoutMs: 1,
    sseCloseAfterMs: 1,
  });
  const untilMs = performance.now() + SECONDS * 1000;
  const codes = new Map<number, number>();
  let sum = 0;
  for (let seed = FIRST_SEED; performance.now() < untilMs || sum < LEAST; seed++) {
    const random = new Random(seed);
    const strange = randomRequest(random);
    const request = toRequest(strange);
    if (request === undefined) continue;
    const before = await stateOf(storage);
    const answer = await app.request(request);
    const isLive = answer.headers.get("content-type")?.startsWith("text/event-stream");
    const text = isLive ? "" : await answer.text();
    if (isLive) await answer.body?.cancel();
    const about = `SEED=${seed}: ${JSON.stringify(strange)}: ${answer.status} ${
      text.slice(0, 200)
    }`;
    ok(ANSWERS.has(answer.status), about);
    if (answer.status >= 400 && request.method !== "HEAD") {
      ok(/^\{"error":\{"code":"[a-z_]+","message":"[^]+"\}\}\n$/.test(text), about);
    }
    if (answer.status >= 400) deepEqual(await stateOf(storage), before, about);
    codes.set(answer.status, (codes.get(answer.status) ?? 0) + 1);
    sum++;
    if (random.chance(0.02)) await storage.delete("a").catch(() => {});
  }
  equal((await (await app.request("/health")).json()).defects, 0);
  console.log(`${sum} requests from seed ${FIRST_SEED} on: ${JSON.stringify([...codes].sort())}`);
  for (const code of [200, 201, 204, 400, 404, 405, 409]) ok((codes.get(code) ?? 0) > 0, `${code}`);
});

underAttack("requests of any bytes leave the server as it was", [
  "--long-poll-timeout",
  "10ms",
  "--sse-close-after",
  "10ms",
], async (server) => {
  const untilMs = Date.now() + SECONDS * 1000;
  let requests = 0;
  const worker = async (first: number) => {
    for (let seed = first; Date.now() < untilMs; seed += 8) {
      const random = new Random(seed);
      using connection = new RawConnection(server.url);
      const bytes = random.chance(0.1)
        ? garbage(random)
        : toText(randomRequest(random), server.url);
      connection.send(bytes);
      await Promise.race([connection.closed(), sleep(300)]);
      requests++;
      const [, code = ""] = /^HTTP\/1\.1 (\d+)/.exec(connection.received) ?? [];
      const isFine = code === "" || ANSWERS.has(Number(code)) ||
        ["101", "414", "417", "426", "431", "501", "505"].includes(code);
      ok(isFine, `SEED=${seed}: ${JSON.stringify(bytes)}: ${connection.received.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, i) => worker(FIRST_SEED + i)));
  console.log(`${requests} requests from seed ${FIRST_SEED} on`);
});

/** `undefined` where the runtime itself refuses to make such a request. */
function toRequest({ method, target, headers, body }: RandomRequest): Request | undefined {
  try {
    const request = new Request(`http://localhost/v1/stream/${target}`, {
      method,
      ...(method === "GET" || method === "HEAD" || body === "" ? {} : { body }),
    });
    for (const [name, value] of headers) request.headers.append(name, value);
    return request;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function toText({ method, target, headers, body }: RandomRequest, url: string): string {
  const { pathname, host } = new URL(url);
  const lines = headers.map(([name, value]) => `${name}: ${value.replaceAll("\n", " ")}`);
  const length = new TextEncoder().encode(body.replaceAll("\n", "\r\n")).length;
  return [
    `${method} ${pathname}/${target} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: close",
    `Content-Length: ${length}`,
    ...lines,
    "",
    body,
  ].join("\n");
}

function garbage(random: Random): string {
  const letters = "GETPOST /HTTP1.1:\n\t\0ÿ%{}[]\"'=&?#";
  return Array.from({ length: random.between(1, 400) }, () => letters[random.below(letters.length)])
    .join("");
}

async function stateOf(storage: ReturnType<typeof createMemoryStorage>): Promise<string> {
  const { streams } = await storage.list({ limit: 1000 });
  return JSON.stringify(streams);
}
