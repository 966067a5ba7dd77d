import { deepEqual, equal, ok } from "node:assert/strict";
import { StreamError } from "../../src/protocol/errors.ts";
import type { SubscriptionStore } from "../../src/storage/subscription_store.ts";
import { createApp } from "../../src/server/app.ts";
import { DONE, ScriptedTransport } from "../support/scripted_transport.ts";
import { DispatcherKit, settled, webhookSpec } from "./dispatcher_kit.ts";

/** All of it on a clock that stands: nothing here waits for anything. */

function wakeIn(body: Uint8Array) {
  return JSON.parse(new TextDecoder().decode(body));
}

Deno.test("dispatcher: retries wait 1 s to 60 s, 20 % more or less, with the same bytes", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start();
  const sentMs: number[] = [];
  kit.transport.script = () => {
    sentMs.push(kit.clock.nowMs());
    return { status: 503 };
  };
  await kit.store.create("s", webhookSpec());
  // The first retry comes after 0.8 s at the least, and that is in another second.
  kit.clock.advance(500);
  await kit.write("events/a");
  await kit.pass(400_000, 50);
  const waits = sentMs.slice(1).map((ms, i) => ms - (sentMs[i] ?? 0));
  ok(waits.length >= 8, `${waits}`);
  waits.forEach((wait, i) => {
    const whole = Math.min(60_000, 1000 * 2 ** i);
    ok(wait >= 0.8 * whole && wait <= 1.2 * whole + 1, `${wait} for ${whole}`);
  });
  const [first] = kit.transport.requests;
  for (const { body } of kit.transport.requests) deepEqual(body, first?.body);
  const signatures = kit.transport.requests.map(({ headers }) => headers["webhook-signature"]);
  equal(new Set(signatures).size, signatures.length);
  dispatcher.stop();
});

Deno.test("dispatcher: the lease begins at each attempt", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start();
  kit.transport.script = (_, number) => number === 1 ? { status: 500 } : "hang";
  await kit.store.create("s", webhookSpec({ leaseMs: 1000 }));
  await kit.write("events/a");
  while (kit.transport.requests.length < 2) await kit.pass(10, 10);
  await kit.pass(990, 10);
  equal(kit.transport.inFlight, 1, "not measured from the wake");
  await kit.pass(10, 10);
  equal(kit.transport.inFlight, 0);
  dispatcher.stop();
});

Deno.test("dispatcher: a hanging endpoint is aborted at its lease's end", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start();
  kit.transport.script = () => "hang";
  await kit.store.create("s", webhookSpec({ leaseMs: 5000 }));
  await kit.write("events/a");
  await kit.pass(4999, 4999);
  equal(kit.transport.aborted, 0);
  await kit.pass(1, 1);
  equal(kit.transport.aborted, 1);
  equal(dispatcher.deliveries, 0);
  equal((await kit.store.get("s")).state.failed, true);
  dispatcher.stop();
});

Deno.test("dispatcher: callbacks keep a hanging request alive", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start();
  kit.transport.script = () => "hang";
  await kit.store.create("s", webhookSpec({ leaseMs: 1000 }));
  await kit.write("events/a");
  const { id, state } = await kit.store.get("s");
  const { generation, wakeId } = state;
  const fence = { token: { subscriptionId: id, generation, wakeId }, generation, wakeId };
  for (let i = 0; i < 10; i++) {
    await kit.pass(900);
    await kit.store.ack("s", fence, [], false);
    await settled();
  }
  equal(kit.transport.aborted, 0);
  await kit.pass(1000);
  equal(kit.transport.aborted, 1);
  equal(kit.transport.requests.length, 1);
  dispatcher.stop();
});

Deno.test("dispatcher: a hanging request ends at its own lease's end, however long the back-off behind it", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start();
  kit.transport.script = () => "hang";
  await kit.store.create("s", webhookSpec({ leaseMs: 10_000 }));
  await kit.write("events/a");
  const { id, state } = await kit.store.get("s");
  const { generation, wakeId } = state;
  const fence = { token: { subscriptionId: id, generation, wakeId }, generation, wakeId };
  await kit.pass(9500);
  // Done with nothing processed: the next wake waits for a second, past the lease's end.
  await kit.store.ack("s", fence, [], true);
  await settled();
  await kit.pass(500, 10);
  equal(kit.transport.aborted, 1);
  dispatcher.stop();
});

Deno.test("dispatcher: a new wake gives up the old one's request, whose answer counts no more", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start();
  kit.transport.script = () => "hang";
  await kit.store.create("s", webhookSpec());
  await kit.write("events/a");
  const { id, state } = await kit.store.get("s");
  const { generation, wakeId } = state;
  const fence = { token: { subscriptionId: id, generation, wakeId }, generation, wakeId };
  await kit.write("events/a");
  const acks = [{ path: "events/a", offset: 1, token: "1" }];
  equal((await kit.store.ack("s", fence, acks, true)).nextWake, true);
  await settled();
  equal(kit.transport.requests.length, 2);
  equal(kit.transport.inFlight, 1);
  equal(dispatcher.deliveries, 1, "the new one's request is still under way");
  equal(
    (await kit.store.get("s")).state.phase,
    "delivering",
    "the abort is no failure of the new one",
  );
  dispatcher.stop();
});

Deno.test("dispatcher: lease expiry respects back-off: a 1 s lease on a failing endpoint isn't seven POSTs in 5 s", async () => {
  for (const reply of ["hang", "refuse", { status: 500 }, { status: 202 }] as const) {
    const kit = new DispatcherKit();
    const dispatcher = await kit.start();
    kit.transport.script = () => reply;
    await kit.store.create("s", webhookSpec({ leaseMs: 1000 }));
    await kit.write("events/a");
    await kit.pass(5000, 20);
    ok(kit.transport.requests.length <= 4, `${kit.transport.requests.length} requests`);
    dispatcher.stop();
  }
});

Deno.test("dispatcher: never more under way than maxDeliveries, and a quarter of these to one endpoint", async () => {
  const kit = new DispatcherKit();
  const inFlight = new Map<string, number>();
  const most = new Map<string, number>();
  const release: (() => void)[] = [];
  kit.transport.script = ({ url }) => {
    const now = (inFlight.get(url) ?? 0) + 1;
    inFlight.set(url, now);
    most.set(url, Math.max(most.get(url) ?? 0, now));
    const { promise, resolve } = Promise.withResolvers<{ status: number; body: string }>();
    release.push(() => {
      inFlight.set(url, (inFlight.get(url) ?? 0) - 1);
      resolve({ status: 200, body: '{"done":true}' });
    });
    return promise;
  };
  const dispatcher = await kit.start(16);
  for (let i = 0; i < 200; i++) {
    const webhookUrl = `https://worker${i % 5}.example/hook`;
    void kit.store.create(`s${i}`, webhookSpec({ webhookUrl, leaseMs: 600_000 }));
  }
  await settled();
  await kit.write("events/a");
  for (let round = 0; round < 500 && kit.transport.requests.length < 200; round++) {
    ok(dispatcher.deliveries <= 16);
    release.shift()?.();
    await settled();
  }
  while (release.length > 0) {
    release.shift()?.();
    await settled();
  }
  equal(kit.transport.requests.length, 200, "nobody is forgotten");
  equal(kit.transport.mostInFlight, 16);
  for (const count of most.values()) ok(count <= 4, `${count} to one endpoint`);
  await settled();
  equal(dispatcher.size, 0);
  dispatcher.stop();
});

Deno.test("dispatcher: a dead, hanging endpoint with 2,000 subscriptions slows nobody else", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start(40);
  kit.transport.script = ({ url }) => url.includes("dead") ? "hang" : DONE;
  for (let i = 0; i < 2000; i++) {
    void kit.store.create(
      `dead${i}`,
      webhookSpec({ webhookUrl: "https://dead.example/", leaseMs: 10_000 }),
    );
  }
  await settled();
  for (let i = 0; i < 20; i++) {
    await kit.store.create(
      `live${i}`,
      webhookSpec({ webhookUrl: `https://live${i % 4}.example/` }),
    );
  }
  let expected = 0;
  for (let round = 0; round < 5; round++) {
    await kit.write("events/a");
    await settled();
    const live = kit.transport.requests.filter(({ url }) => url.includes("live"));
    expected += 20;
    equal(live.length, expected, "at once, without any time passing");
    ok(kit.transport.inFlight <= 10);
    await kit.pass(11_000, 1000);
  }
  dispatcher.stop();
});

Deno.test("dispatcher: one that waited and has nothing to do any more lets the next one go on", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start(4);
  const first = Promise.withResolvers<{ status: number; body: string }>();
  kit.transport.script = (_, number) => number === 1 ? first.promise : DONE;
  for (const name of ["a", "b", "c"]) {
    await kit.store.create(name, webhookSpec({ pattern: undefined, streams: [name] }));
  }
  for (const name of ["a", "b", "c"]) await kit.write(name);
  equal(kit.transport.requests.length, 1, "one at an endpoint, of four");
  await kit.storage.delete("b");
  await settled();
  first.resolve({ status: 200, body: '{"done":true}' });
  await settled();
  const woken = kit.transport.requests.map(({ body }) => wakeIn(body).subscription_id);
  deepEqual(woken, ["a", "c"]);
  equal(dispatcher.size, 0);
  dispatcher.stop();
});

Deno.test("dispatcher: a deleted subscription's request is given up, and its place given on", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start(4);
  kit.transport.script = (_, number) => number === 1 ? "hang" : DONE;
  for (const name of ["a", "b"]) await kit.store.create(name, webhookSpec());
  await kit.write("events/a");
  equal(kit.transport.requests.length, 1);
  await kit.store.delete("a");
  await settled();
  equal(kit.transport.aborted, 1);
  equal(kit.transport.requests.length, 2);
  equal(dispatcher.size, 0);
  dispatcher.stop();
});

Deno.test("dispatcher: stop, and a new driver over the same store sends lost deliveries again, as they were", async () => {
  const kit = new DispatcherKit();
  const first = await kit.start();
  kit.transport.script = () => "hang";
  await kit.store.create("s", webhookSpec());
  await kit.write("events/a");
  first.stop();
  await settled();
  equal(kit.transport.aborted, 1);
  equal(kit.clock.pendingTimers, 0);
  await kit.write("events/a");
  await kit.pass(1000);
  equal(kit.transport.requests.length, 1, "nobody delivers");
  kit.transport.script = () => DONE;
  const second = await kit.start();
  const [lost, again, next] = kit.transport.requests.map(({ body }) => body);
  deepEqual(again, lost);
  equal(wakeIn(next ?? new Uint8Array()).generation, 2, "what came since is the next wake");
  equal(second.size, 0);
  second.stop();
});

Deno.test("§7.1 Retry metadata MUST be persisted: a new driver honours the retry schedule and running leases", async () => {
  const kit = new DispatcherKit();
  const first = await kit.start();
  kit.transport.script = ({ url }) => url.includes("fails") ? { status: 500 } : { status: 202 };
  await kit.store.create("f", webhookSpec({ webhookUrl: "https://fails.example/" }));
  await kit.store.create("l", webhookSpec({ webhookUrl: "https://leased.example/" }));
  await kit.write("events/a");
  equal(kit.transport.requests.length, 2);
  for (let round = 0; round < 4; round++) {
    while (!(await kit.store.get("f")).state.failed) await kit.pass(100);
    await kit.pass(700);
  }
  const before = kit.transport.requests.length;
  const { dueMs } = (await kit.store.get("f")).state;
  first.stop();
  const second = await kit.start();
  equal(kit.transport.requests.length, before, "not at once");
  await kit.pass(dueMs - kit.clock.nowMs() - 1, 50);
  equal(kit.transport.requests.length, before);
  await kit.pass(1, 1);
  equal(kit.transport.requests.length, before + 1);
  second.stop();
});

Deno.test("dispatcher: of two drivers one delivers, and another begins once it has stopped", async () => {
  const kit = new DispatcherKit();
  kit.transport.script = () => DONE;
  const first = await kit.start();
  const second = await kit.start();
  await kit.store.create("s", webhookSpec());
  await kit.write("events/a");
  equal(kit.transport.requests.length, 1);
  second.stop();
  await kit.write("events/a");
  equal(kit.transport.requests.length, 2, "the second's end isn't the first's");
  first.stop();
  const third = await kit.start();
  await kit.write("events/a");
  equal(kit.transport.requests.length, 3);
  third.stop();
});

Deno.test("two apps over one storage: one delivers, both serve", async () => {
  const { storage, clock } = new DispatcherKit();
  const transports = [new ScriptedTransport(() => DONE), new ScriptedTransport(() => DONE)];
  const apps = transports.map((transport) =>
    createApp({ storage, clock, subscriptions: { transport } })
  );
  await settled();
  const body = JSON.stringify({
    type: "webhook",
    pattern: "*",
    webhook: { url: "https://w.example/" },
  });
  for (const [i, app] of apps.entries()) {
    const init = { method: "PUT", body };
    equal((await app.request(`/v1/stream/__ds/subscriptions/s${i}`, init)).status, 201);
    equal((await app.request(`/v1/stream/a${i}`, { method: "PUT", body: "x" })).status, 201);
  }
  await settled();
  deepEqual(transports.map(({ requests }) => requests.length).sort(), [0, 3]);
});

/** A store whose calls fail as often as they are told to. */
function failing(
  store: SubscriptionStore,
  failures: Partial<Record<"step" | "delivered", number>>,
) {
  const left = { step: 0, delivered: 0, ...failures };
  const fail = (call: "step" | "delivered") => {
    if (left[call]-- <= 0) return;
    throw new StreamError({ code: "storage_full" }, "There is no room.");
  };
  return new Proxy(store, {
    get(target, key) {
      if (key === "step") {
        return async (...args: Parameters<SubscriptionStore["step"]>) => {
          fail("step");
          return await target.step(...args);
        };
      }
      if (key === "delivered") {
        return async (...args: Parameters<SubscriptionStore["delivered"]>) => {
          fail("delivered");
          await target.delivered(...args);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

Deno.test("dispatcher: a step that the storage refuses is tried again after a second", async () => {
  const kit = new DispatcherKit();
  kit.transport.script = () => DONE;
  await kit.store.create("s", webhookSpec());
  const dispatcher = await kit.start(1000, failing(kit.store, { step: 3 }));
  await kit.write("events/a");
  equal(kit.transport.requests.length, 0);
  await kit.pass(3000);
  equal(kit.transport.requests.length, 1);
  equal(dispatcher.size, 0);
  dispatcher.stop();
});

Deno.test("dispatcher: an answer that the storage refuses is recorded later, and the wake isn't sent again", async () => {
  const kit = new DispatcherKit();
  kit.transport.script = () => DONE;
  await kit.store.create("s", webhookSpec());
  const dispatcher = await kit.start(1000, failing(kit.store, { delivered: 3 }));
  await kit.write("events/a");
  await kit.pass(5000);
  equal((await kit.store.get("s")).state.phase, "idle");
  equal((await kit.store.links("s", undefined, 10)).links[0]?.ackedOffset.endsWith("1"), true);
  await kit.pass(120_000, 1000);
  equal(kit.transport.requests.length, 1);
  equal(dispatcher.size, 0);
  dispatcher.stop();
});

Deno.test("dispatcher: a driver that begins while the storage is full sends lost deliveries all the same", async () => {
  const kit = new DispatcherKit();
  const first = await kit.start();
  kit.transport.script = () => "hang";
  await kit.store.create("s", webhookSpec({ leaseMs: 60_000 }));
  await kit.write("events/a");
  first.stop();
  kit.transport.script = () => DONE;
  const second = await kit.start(1000, failing(kit.store, { step: 2 }));
  await kit.pass(3000);
  equal(kit.transport.requests.length, 2);
  second.stop();
});

Deno.test("dispatcher: a closed storage ends it, and no timer is left", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start();
  kit.transport.script = () => ({ status: 500 });
  await kit.store.create("s", webhookSpec());
  await kit.write("events/a");
  await kit.storage.close();
  await kit.pass(5000);
  equal(kit.transport.requests.length, 1);
  equal(kit.clock.pendingTimers, 0);
  ok(dispatcher.deliveries === 0);
});

Deno.test("dispatcher: memory follows what is pending: nothing is left of thousands of wakes", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start(100);
  kit.transport.script = (_, number) => number < 2000 && number % 3 === 0 ? { status: 500 } : DONE;
  for (let i = 0; i < 500; i++) {
    const webhookUrl = `https://worker${i % 50}.example/`;
    void kit.store.create(`s${i}`, webhookSpec({ webhookUrl, leaseMs: 1000 }));
  }
  await settled();
  for (let i = 0; i < 10; i++) await kit.write(`events/${i}`);
  await kit.pass(60_000, 500);
  for (let i = 0; i < 500; i++) equal((await kit.store.get(`s${i}`)).state.phase, "idle");
  equal(dispatcher.size, 0);
  equal(kit.clock.pendingTimers, 0);
  dispatcher.stop();
});

Deno.test("dispatcher: subscriptions that nothing is pending in cost nothing", async () => {
  const kit = new DispatcherKit();
  for (let i = 0; i < 10_000; i++) void kit.store.create(`s${i}`, webhookSpec());
  await settled();
  const dispatcher = await kit.start(4);
  for (let turns = 0; turns < 20; turns++) await settled();
  equal(dispatcher.size, 0);
  equal(kit.clock.pendingTimers, 0);
  dispatcher.stop();
});
