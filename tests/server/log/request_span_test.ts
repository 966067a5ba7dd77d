import { deepEqual, equal } from "node:assert/strict";
import { createHandler } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import type { AppendRequest, Storage } from "../../../src/storage/storage.ts";
import { formatTraceparent } from "../../../src/tracing/trace_context.ts";
import { Fixture, TEXT } from "../../support/fixture.ts";
import { contextOf, RecordingTracer } from "../../tracing/recording_tracer.ts";

const PARENT = contextOf(0xabc);
const TRACED = { traceparent: formatTraceparent(PARENT) };
const UNSAMPLED = { traceparent: formatTraceparent(contextOf(0xabc, false)) };

function traced(): { fixture: Fixture; tracer: RecordingTracer } {
  const tracer = new RecordingTracer();
  const paths = { health: "/health", metrics: "/metrics" };
  return { fixture: new Fixture({ tracer, ...paths }), tracer };
}

Deno.test("each request is told to the tracer with its parent, its stream and no secret", async () => {
  const { fixture, tracer } = traced();
  await fixture.put("a/b", TEXT, "hello");
  await fixture.get("a/b?token=geheim", TRACED);
  await fixture.get("none", { ...TRACED, "x-request-id": "mine" });
  deepEqual(tracer.begun, [
    { method: "PUT", parent: undefined },
    { method: "GET", parent: PARENT },
    { method: "GET", parent: PARENT },
  ]);
  const common = { route: "/v1/stream/*", scheme: "http", requestId: undefined };
  deepEqual(tracer.requests, [
    { ...common, status: 201, path: "/v1/stream/a/b", stream: "a/b" },
    { ...common, status: 200, path: "/v1/stream/a/b?token=***", stream: "a/b" },
    { ...common, status: 404, path: "/v1/stream/none", stream: "none", requestId: "mine" },
  ]);
});

Deno.test("of what isn't about a stream a span has the kind, and of a bad name neither", async () => {
  const { fixture, tracer } = traced();
  await fixture.get("__ds/subscriptions");
  await fixture.get("%FF");
  deepEqual(tracer.requests.map(({ route, stream }) => [route, stream]), [
    ["/v1/stream/__ds/*", undefined],
    [undefined, undefined],
  ]);
});

Deno.test("of a trace that isn't recorded nothing is found out", async () => {
  const { fixture, tracer } = traced();
  await fixture.put("a", { ...TEXT, ...UNSAMPLED });
  deepEqual(tracer.requests, [
    {
      status: 201,
      path: "",
      scheme: "http",
      route: undefined,
      stream: undefined,
      requestId: undefined,
    },
  ]);
});

Deno.test("a traceparent that is none begins a trace", async () => {
  const { fixture, tracer } = traced();
  await fixture.put("a", { ...TEXT, traceparent: TRACED.traceparent.toUpperCase() });
  deepEqual(tracer.begun, [{ method: "PUT", parent: undefined }]);
});

Deno.test("the health, the metrics and preflights have no span", async () => {
  const { fixture, tracer } = traced();
  for (const path of ["/health", "/health/ready", "/metrics"]) {
    equal((await fixture.get(path)).status, 200);
  }
  await fixture.send("OPTIONS", "/v1/stream/a");
  equal(tracer.begun.length, 0);
});

Deno.test("the span of an SSE connection ends with it, and only once", async () => {
  const { fixture, tracer } = traced();
  await fixture.make("a", TEXT, "hello");
  const answer = await fixture.get("a?offset=-1&live=sse");
  equal(tracer.requests.length, 1);
  await answer.body?.cancel();
  fixture.clock.advance(120_000);
  equal(tracer.requests.length, 2);
});

/** A storage that keeps the traces of appends. */
function listening(): { storage: Storage; traces: AppendRequest["trace"][] } {
  const storage = createMemoryStorage();
  const traces: AppendRequest["trace"][] = [];
  const append = storage.append.bind(storage);
  storage.append = (name, request) => {
    traces.push(request.trace);
    return append(name, request);
  };
  return { storage, traces };
}

/** Appends by a handler; the names of the headers that are looked at. */
async function append(tracer: RecordingTracer | undefined, storage: Storage) {
  const handler = createHandler({ storage, ...(tracer === undefined ? {} : { tracer }) });
  const asked: string[] = [];
  const headers = new Headers({ ...TEXT, ...TRACED, host: "localhost", "content-length": "1" });
  const get = (name: string) => {
    asked.push(name);
    return headers.get(name);
  };
  const request = {
    method: "POST",
    url: "http://localhost/v1/stream/a",
    headers: { get },
    body: null,
    whole: new Uint8Array([1]),
    signal: new AbortController().signal,
  };
  const { status } = await new Promise<{ status: number }>((resolve) => handler(request, resolve));
  equal(status, 204);
  return asked;
}

Deno.test("an append goes to the storage with its span, and without a tracer nobody looks for one", async () => {
  const { storage, traces } = listening();
  await storage.create("a", { contentType: "text/plain" });
  await append(new RecordingTracer(), storage);
  const asked = await append(undefined, storage);
  deepEqual(traces, [contextOf(1), undefined]);
  equal(asked.includes("traceparent"), false);
});
