import { deepEqual, equal } from "node:assert/strict";
import type { HostileProxy } from "./hostile_proxy.ts";
import type { Fault } from "./fault.ts";
import { type Served, withProxy } from "./kit.ts";
import type { ProxyRequest } from "./exchange_log.ts";
import { ManualClock } from "../manual_clock.ts";

const LIMIT_MS = 100;
const reorder = { kind: "reorder", limitMs: LIMIT_MS } as const;

/** Requests whose first one is held, and the clock that its limit goes by. */
async function withHeld(
  decide: (request: ProxyRequest) => Fault,
  test: (served: Served & { clock: ManualClock; first: Promise<Response> }) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  await withProxy({ decide, clock }, (_, body) => new Response(body), async (served) => {
    const first = served.send("POST", "/a", { body: "1" });
    await isHeld(served.proxy, 0);
    await test({ ...served, clock, first });
  });
}

async function isHeld(proxy: HostileProxy, index: number): Promise<void> {
  const exchange = await proxy.until((one) => one.index === index && one.fault !== undefined);
  deepEqual(exchange.fault, reorder);
}

Deno.test("reorder, two in a row: they change places", async () => {
  await withHeld(() => reorder, async ({ clock, first, seen, send }) => {
    equal(await (await send("POST", "/a", { body: "2" })).text(), "2");
    equal(await (await first).text(), "1");
    deepEqual(seen, ["POST /a 2", "POST /a 1"]);
    equal(clock.pendingTimers, 0);
  });
});

Deno.test("reorder: a later one that passes overtakes it", async () => {
  const decide = ({ index }: ProxyRequest) => index === 0 ? reorder : { kind: "pass" } as const;
  await withHeld(decide, async ({ first, seen, send }) => {
    await (await send("POST", "/a?x", { body: "2" })).text();
    await (await first).text();
    deepEqual(seen, ["POST /a?x 2", "POST /a 1"]);
  });
});

Deno.test("reorder: nobody comes of its method and path, and the limit lets it go", async () => {
  const decide = ({ index }: ProxyRequest) => index === 0 ? reorder : { kind: "pass" } as const;
  await withHeld(decide, async ({ clock, first, seen, send }) => {
    await (await send("GET", "/a")).text();
    await (await send("POST", "/b", { body: "2" })).text();
    clock.advance(LIMIT_MS - 1);
    equal(clock.pendingTimers, 1);
    clock.advance(1);
    await (await first).text();
    deepEqual(seen, ["GET /a", "POST /b 2", "POST /a 1"]);
  });
});

Deno.test("reorder: the next one fails before it reaches the server, and the first one stays", async () => {
  const decide = ({ index }: ProxyRequest) =>
    index === 0 ? reorder : { kind: "status", status: 503 } as const;
  await withHeld(decide, async ({ clock, first, seen, send }) => {
    await (await send("POST", "/a", { body: "2" })).text();
    equal(clock.pendingTimers, 1);
    clock.advance(LIMIT_MS);
    await (await first).text();
    deepEqual(seen, ["POST /a 1"]);
  });
});

Deno.test("reorder: the proxy closes while one is held, and it never arrives", async () => {
  await withHeld(() => reorder, async ({ clock, first, proxy, seen }) => {
    const failed = first.then(() => false, () => true);
    await proxy.close();
    equal(await failed, true);
    equal(clock.pendingTimers, 0);
    deepEqual(seen, []);
  });
});
