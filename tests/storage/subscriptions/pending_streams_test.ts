import { deepEqual, equal } from "node:assert/strict";
import { rejectsWith } from "../../support/expect.ts";
import { EngineKit } from "./engine_kit.ts";

Deno.test("pending streams: those that go further than they were processed, and no others", async () => {
  const kit = new EngineKit();
  await kit.make(["a/1", "a/2", "a/3", "b"], "x");
  await kit.subscribe("s");
  await rejectsWith(kit.store.claim("s", "w"), "no_pending_work");
  for (const name of ["a/2", "a/3", "b"]) await kit.append(name);
  deepEqual(await kit.pending("s"), ["a/2", "a/3"]);
});

Deno.test("pending streams: what is deleted, softly deleted or over is pending no more", async () => {
  const kit = new EngineKit();
  await kit.subscribe("s");
  await kit.make(["a/deleted", "a/soft", "a/there"], "x");
  await kit.storage.create("a/ttl", {
    lifetime: { kind: "ttl", ttlSeconds: 1 },
    body: new Uint8Array([1]),
  });
  deepEqual(await kit.pending("s"), ["a/deleted", "a/soft", "a/there", "a/ttl"]);
  await kit.storage.create("fork", { fork: { source: "a/soft" } });
  await kit.storage.delete("a/deleted");
  await kit.storage.delete("a/soft");
  kit.clock.advance(1000);
  deepEqual(await kit.pending("s"), ["a/there"]);
});

Deno.test("pending streams: a fork is pending from its beginning, its source's part too", async () => {
  const kit = new EngineKit();
  await kit.make(["source"], "abc");
  await kit.subscribe("s");
  await kit.storage.create("a/fork", { fork: { source: "source" } });
  const { streams } = await kit.store.claim("s", "w");
  deepEqual(streams.map(({ path, acked, tail, ackedOffset }) => [path, acked, tail, ackedOffset]), [
    ["a/fork", 0, 3, "-1"],
  ]);
});

Deno.test("pending streams: wake streams count only where they are linked explicitly", async () => {
  const kit = new EngineKit();
  await kit.subscribe("pool", { pattern: "x/*", wakeStream: "a/wake" });
  await kit.subscribe("pattern");
  await kit.subscribe("explicit", { streams: ["a/wake"] });
  await kit.make(["a/wake"], "x");
  await rejectsWith(kit.store.claim("pattern", "w"), "no_pending_work");
  deepEqual(await kit.pending("explicit"), ["a/wake"]);
  await kit.store.delete("pool");
  deepEqual(await kit.pending("pattern"), ["a/wake"], "it is a stream like others now");
});

Deno.test("pending streams: a wake has a thousand of them, of however many", async () => {
  const kit = new EngineKit();
  const id = await kit.subscribe("s", {
    type: "webhook",
    webhookUrl: "https://w.example/",
    wakeStream: undefined,
  });
  await kit.make(Array.from({ length: 1001 }, (_, i) => `a/${i}`), "x");
  const step = await kit.store.step(id);
  equal(step.kind === "deliver" && step.wake.streams.length, 1000);
});

Deno.test("pending streams: done acks a wake's streams up to where they were then", async () => {
  const kit = new EngineKit();
  const id = await kit.subscribe("s", {
    type: "webhook",
    webhookUrl: "https://w.example/",
    wakeStream: undefined,
  });
  await kit.make(["a/gone", "a/longer", "a/same"], "abc");
  const step = await kit.store.step(id);
  if (step.kind !== "deliver") throw new Error("a delivery was expected");
  await kit.storage.delete("a/gone");
  await kit.append("a/longer", "d");
  await kit.store.delivered(id, step.wake.subscription.state.wakeId, "done");
  const next = await kit.store.step(id);
  if (next.kind !== "deliver") throw new Error("a delivery was expected");
  deepEqual(next.wake.streams.map(({ path, acked, tail }) => [path, acked, tail]), [
    ["a/longer", 3, 4],
  ]);
});
