import { deepEqual, equal } from "node:assert/strict";
import { formatTraceparent } from "../../src/tracing/trace_context.ts";
import { DONE } from "../support/scripted_transport.ts";
import { contextOf, RecordingTracer } from "../tracing/recording_tracer.ts";
import { DispatcherKit, webhookSpec } from "./dispatcher_kit.ts";

async function started() {
  const kit = new DispatcherKit();
  const tracer = new RecordingTracer();
  kit.tracer = tracer;
  kit.transport.script = () => DONE;
  const dispatcher = await kit.start();
  await kit.store.create("s", webhookSpec());
  const parents = () => tracer.deliveries.map(({ parent }) => parent?.spanId);
  return { kit, tracer, dispatcher, parents };
}

const [FIRST, SECOND, THIRD] = [contextOf(0x11), contextOf(0x12), contextOf(0x13)];

Deno.test("a delivery is a child of the append that woke it, and says so to the webhook", async () => {
  const { kit, tracer, dispatcher } = await started();
  await kit.write("events/a", "x", FIRST);
  deepEqual(tracer.deliveries, [
    {
      parent: FIRST,
      subscription: "s",
      generation: 1,
      failures: 0,
      streams: 1,
      url: "https://worker.example/hook",
    },
  ]);
  equal(kit.transport.last().headers["traceparent"], formatTraceparent(contextOf(1)));
  deepEqual(tracer.ends, [[200, undefined]]);
  dispatcher.stop();
});

Deno.test("each attempt is a span of its own, below the same append", async () => {
  const { kit, tracer, dispatcher, parents } = await started();
  const script = kit.transport.script;
  kit.transport.script = (_, number) => number === 1 ? "refuse" : { status: 503 };
  await kit.write("events/a", "x", FIRST);
  await kit.write("events/a", "y", SECOND);
  await kit.pass(6000);
  kit.transport.script = script;
  await kit.pass(60_000);
  deepEqual(parents().slice(0, 3), Array(3).fill(FIRST.spanId));
  deepEqual(tracer.deliveries.slice(0, 3).map(({ failures }) => failures), [0, 1, 2]);
  deepEqual(tracer.ends[0], [undefined, "The connection is refused."]);
  deepEqual(tracer.ends[1], [503, "it answered 503"]);
  // What came meanwhile was woken for by itself.
  equal(parents().at(-1), SECOND.spanId);
  dispatcher.stop();
});

Deno.test("the first append whose trace is recorded is the one that wakes", async () => {
  const { kit, dispatcher, parents } = await started();
  let answer = (_: { status: number; body: string }) => {};
  kit.transport.script = () => new Promise((resolve) => answer = resolve);
  await kit.write("events/a", "x", contextOf(0x10, false));
  await kit.write("events/a", "y", contextOf(0x10, false));
  await kit.write("events/a", "z", SECOND);
  await kit.write("events/a", "z", THIRD);
  kit.transport.script = () => DONE;
  answer({ status: 200, body: '{"done":true}' });
  await kit.pass(2000);
  deepEqual(parents(), [contextOf(0x10).spanId, SECOND.spanId]);
  dispatcher.stop();
});

Deno.test("an append that is gone before it could wake is no later wake's", async () => {
  const { kit, dispatcher, parents } = await started();
  let answer = (_: { status: number; body: string }) => {};
  kit.transport.script = () => new Promise((resolve) => answer = resolve);
  await kit.write("events/a", "x", FIRST);
  await kit.write("events/b", "x", SECOND);
  await kit.storage.delete("events/b");
  kit.transport.script = () => DONE;
  answer({ status: 200, body: '{"done":true}' });
  await kit.pass(2000);
  await kit.write("events/c");
  await kit.pass(2000);
  deepEqual(parents(), [FIRST.spanId, undefined]);
  dispatcher.stop();
});

Deno.test("without a tracer a webhook gets no traceparent", async () => {
  const kit = new DispatcherKit();
  const dispatcher = await kit.start();
  await kit.store.create("s", webhookSpec());
  await kit.write("events/a", "x");
  equal("traceparent" in kit.transport.last().headers, false);
  dispatcher.stop();
});
