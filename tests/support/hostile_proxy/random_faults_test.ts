import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { createApp } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { JSON_TYPE, producer } from "../fixture.ts";
import { startHostileProxy } from "./hostile_proxy.ts";
import type { Fault } from "./fault.ts";
import { originOf, serveLocally } from "./kit.ts";
import type { ProxyRequest } from "./exchange_log.ts";
import { randomFaults } from "./random_faults.ts";

function request(method: string, path: string): ProxyRequest {
  return {
    index: 0,
    pathIndex: 0,
    method,
    target: path,
    path,
    query: new URLSearchParams(),
    headers: new Headers(),
    body: new Uint8Array(),
  };
}

function drawn(decide: (request: ProxyRequest) => Fault, of: ProxyRequest, times = 50): Fault[] {
  return Array.from({ length: times }, () => decide(of));
}

Deno.test("the same seed draws the same faults for a path, whatever comes between", () => {
  const [one, other] = [randomFaults(7), randomFaults(7)];
  const alone = drawn(one.decide, request("POST", "/a"));
  const between = alone.map(() => {
    other.decide(request("GET", "/a"));
    other.decide(request("POST", "/b"));
    return other.decide(request("POST", "/a"));
  });
  deepEqual(between, alone);
});

Deno.test("another seed, path or method draws others", () => {
  const faults = randomFaults(7);
  const [a, b, get] = [["POST", "/a"], ["POST", "/b"], ["GET", "/a"]]
    .map(([method = "", path = ""]) => JSON.stringify(drawn(faults.decide, request(method, path))));
  const eighth = JSON.stringify(drawn(randomFaults(8).decide, request("POST", "/a")));
  equal(new Set([a, b, get, eighth]).size, 4);
});

Deno.test("after so many faults in a row one passes, and after so many in all every one", () => {
  const weights = { pass: 0 };
  const { decide } = randomFaults(1, { weights, maxConsecutive: 2, maxPerKey: 5 });
  const passes = drawn(decide, request("POST", "/a"), 12).map(({ kind }) => kind === "pass");
  const T = true;
  const F = false;
  deepEqual(passes, [F, F, T, F, F, T, F, T, T, T, T, T]);
});

Deno.test("every kind of fault is drawn as its weight says, and none whose weight is 0", () => {
  const options = { maxConsecutive: Infinity, maxPerKey: Infinity };
  const { decide } = randomFaults(1, { ...options, weights: { hang: 1, cache: 1, buffer: 6 } });
  const counts = new Map<string, number>();
  for (const { kind } of drawn(decide, request("POST", "/a"), 2000)) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  equal(counts.get("end-body"), undefined);
  equal(counts.get("strip-headers"), undefined);
  equal(counts.size, 12);
  const ratio = (counts.get("buffer") ?? 0) / (counts.get("hang") ?? 0);
  ok(ratio > 4 && ratio < 9, String(ratio));
});

Deno.test("no kind of fault has a weight: a RangeError", () => {
  const zeros = {
    pass: 0,
    refuse: 0,
    "drop-answer": 0,
    status: 0,
    "status-after": 0,
    "cut-body": 0,
    delay: 0,
    duplicate: 0,
    reorder: 0,
  };
  throws(() => randomFaults(1, { weights: zeros }), RangeError);
});

Deno.test("a test that fails under random faults names the seed and the faults", async () => {
  const faults = randomFaults(4711);
  await rejects(
    faults.run(() => {
      faults.decide(request("POST", "/a"));
      return Promise.reject(new Error("lost a message"));
    }),
    (error) => {
      ok(error instanceof Error);
      match(error.message, /seed 4711: lost a message\n.*\n {2}POST \/a: \{"kind":/);
      return true;
    },
  );
});

Deno.test("a producer that tries again gets everything in once, through every fault", async () => {
  const messages = Array.from({ length: 60 }, (_, i) => i);
  const app = createApp({ storage: createMemoryStorage() });
  const server = serveLocally(app.fetch);
  const faults = randomFaults(3, { maxDelayMs: 2 });
  const proxy = await startHostileProxy(originOf(server), faults);
  const send = async (method: string, headers: Record<string, string>, body?: string) => {
    for (let tries = 0; tries < 5; tries++) {
      const init = { method, headers, ...body !== undefined && { body } };
      const answer = await fetch(`${proxy.origin}/v1/stream/a`, init)
        .then(async (one) => ({ ok: one.ok, text: await one.text() }))
        .catch(() => undefined);
      if (answer?.ok) return answer.text;
    }
    throw new Error(`${method} never got through.`);
  };
  try {
    await faults.run(async () => {
      await send("PUT", JSON_TYPE);
      for (const message of messages) {
        await send("POST", { ...JSON_TYPE, ...producer("p", 0, message) }, String(message));
      }
      deepEqual(JSON.parse(await send("GET", {})), messages);
      ok(proxy.exchanges.length > messages.length + 10);
    });
  } finally {
    await proxy.close();
    await server.shutdown();
  }
});
