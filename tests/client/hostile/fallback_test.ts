import { deepStrictEqual as equal, ok } from "node:assert";
import type { Client } from "../../../src/client/client.ts";
import type { Fault } from "../../support/hostile_proxy/fault.ts";
import type { ProxyRequest } from "../../support/hostile_proxy/exchange_log.ts";
import { atSite, clockAtSpeed } from "./hostile_kit.ts";

const PATH = "log";
const MESSAGES = 30;

/** SSE meets the fault, everything else passes. */
function onSse(fault: Fault): (request: ProxyRequest) => Fault {
  return ({ query }) => query.get("live") === "sse" ? fault : { kind: "pass" };
}

/** Writes a message whenever the reader has seen the one before, and ends after the last. */
async function pingPong(client: Client, direct: Client): Promise<number[]> {
  await direct.create(PATH, { contentType: "application/json", initialData: "[0]" });
  const writer = direct.writer(PATH);
  const seen: number[] = [];
  for await (const value of client.reader(PATH).json<number>()) {
    seen.push(value);
    const next = value + 1;
    if (next < MESSAGES) await writer.sendJson(next);
    else await writer.close();
  }
  return seen;
}

const ALL = Array.from({ length: MESSAGES }, (_, i) => i);

const CASES: Readonly<Record<string, Fault>> = {
  "holds SSE back until it ends": { kind: "buffer" },
  "holds SSE back, its head too": { kind: "buffer", holdsHead: true },
  "never answers a request for SSE": { kind: "hang" },
  "cuts SSE before its first event, again and again": { kind: "cut-body", afterBytes: 5 },
  "ends SSE before its first event, again and again": { kind: "end-body", afterBytes: 5 },
  "ends SSE in the middle of a character of a later event": { kind: "end-body", afterBytes: 150 },
  "resets every connection for SSE": { kind: "cut-body", afterBytes: 0 },
  "answers SSE with a page of its own": {
    kind: "status",
    status: 200,
    headers: { "content-type": "text/html" },
    body: "<p>Sign in</p>",
  },
  "answers SSE with 400": { kind: "status", status: 400 },
  "answers SSE with 501": { kind: "status", status: 501 },
};

for (const [what, fault] of Object.entries(CASES)) {
  Deno.test(`auto continues by long-poll behind a proxy that ${what}, and sees all`, async () => {
    const clock = clockAtSpeed(10);
    await atSite({
      decide: onSse(fault),
      // Longer than the client waits for a first event, so that holding back shows.
      app: { sseCloseAfterMs: 20_000, longPollTimeoutMs: 5_000 },
      client: { clock },
    }, async ({ client, direct, proxy }) => {
      equal(await pingPong(client, direct), ALL);
      const asked = proxy.exchanges.map(({ query }) => query.get("live"));
      ok(asked.includes("long-poll"), "it fell back");
      const tries = asked.filter((live) => live === "sse").length;
      ok(tries <= MESSAGES, `${tries} requests for SSE`);
      equal(asked.lastIndexOf("sse") < asked.indexOf("long-poll"), true, "it stayed so");
    });
  });
}

Deno.test("auto stays with SSE behind a proxy that cuts it now and then, and sees all", async () => {
  let connections = 0;
  await atSite({
    decide: ({ query }) =>
      query.get("live") === "sse" && ++connections % 3 === 0
        ? { kind: "cut-body", afterBytes: 400 }
        : { kind: "pass" },
    app: { sseCloseAfterMs: 30 },
    client: { clock: clockAtSpeed(0.1) },
  }, async ({ client, direct, proxy }) => {
    equal(await pingPong(client, direct), ALL);
    ok(proxy.exchanges.every(({ query }) => query.get("live") !== "long-poll"));
  });
});

Deno.test("SSE in tiny pieces is read whole", async () => {
  await atSite({
    decide: onSse({ kind: "delay", bytesPerPiece: 1 }),
    app: { sseCloseAfterMs: 10_000 },
    client: { clock: clockAtSpeed(0.1) },
  }, async ({ client, direct, proxy }) => {
    equal(await pingPong(client, direct), ALL);
    ok(proxy.exchanges.every(({ query }) => query.get("live") !== "long-poll"));
  });
});

Deno.test("sse that is asked for stays SSE, whatever the proxy cuts", async () => {
  let connections = 0;
  await atSite({
    decide: ({ query }) =>
      query.get("live") === "sse" && ++connections % 4 !== 0
        ? { kind: "cut-body", afterBytes: 30 }
        : { kind: "pass" },
  }, async ({ client, direct, proxy }) => {
    await direct.create(PATH, { contentType: "application/json", initialData: "[0,1]" });
    const reading = (async () => {
      const seen: number[] = [];
      for await (const value of client.reader(PATH, { readMode: "sse" }).json<number>()) {
        seen.push(value);
      }
      return seen;
    })();
    await proxy.until(({ query }) => query.get("live") === "sse");
    const writer = direct.writer(PATH);
    for (let i = 2; i < MESSAGES; i++) await writer.sendJson(i);
    await writer.close();
    equal(await reading, ALL);
    ok(proxy.exchanges.every(({ query }) => query.get("live") !== "long-poll"));
  });
});
