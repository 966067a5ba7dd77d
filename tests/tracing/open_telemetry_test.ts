import { deepEqual, equal, ok } from "node:assert/strict";
import { configureSync, type LogRecord, resetSync } from "@logtape/logtape";
import * as api from "@opentelemetry/api";
import * as exporter from "@opentelemetry/exporter-trace-otlp-http";
import * as resources from "@opentelemetry/resources";
import * as sdk from "@opentelemetry/sdk-trace";
import { type OpenedTracer, openTracer } from "../../src/tracing/open_telemetry.ts";
import type { TracingEnvironment } from "../../src/tracing/settings.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { contextOf, TRACE_ID } from "./recording_tracer.ts";

type Export = exporter.OTLPTraceExporter["export"];

const DONE = { code: 0 };

/** The adapter over exporters that keep what they get, and answer when a test says so. */
class Kit {
  readonly clock = new ManualClock();
  readonly spans: sdk.ReadableSpan[] = [];
  /** Says that what was sent has arrived. */
  answers: (() => void)[] = [];
  answersAtOnce = true;
  neverEnds = false;
  tracer: OpenedTracer | undefined;

  async open(environment: TracingEnvironment = {}): Promise<OpenedTracer> {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
    const packages = { api, sdk, resources, exporter: this.#exporter() };
    const load = () => Promise.resolve(packages);
    this.tracer = await openTracer({ ...endpoint, ...environment }, "1.0.0", this.clock, load);
    ok(this.tracer !== undefined);
    return this.tracer;
  }

  #exporter() {
    const take: Export = (spans, callback) => {
      this.spans.push(...spans);
      if (this.answersAtOnce) callback(DONE);
      else this.answers.push(() => callback(DONE));
    };
    const end = () => this.neverEnds ? new Promise<void>(() => {}) : Promise.resolve();
    class KeepingExporter extends exporter.OTLPTraceExporter {
      override export(...args: Parameters<Export>): void {
        take(...args);
      }
      override shutdown(): Promise<void> {
        return end();
      }
    }
    return { ...exporter, OTLPTraceExporter: KeepingExporter };
  }
}

const FACTS = {
  status: 204,
  path: "/v1/stream/a?offset=-1",
  route: "/v1/stream/*",
  scheme: "http",
  stream: "a",
  requestId: undefined,
};

Deno.test("an answer of 500 or more is an error of a request's span, and a smaller one isn't", async () => {
  const kit = new Kit();
  const tracer = await kit.open();
  tracer.request("GET", contextOf(1)).end({ ...FACTS, status: 503, requestId: "r" });
  tracer.request("GET", contextOf(1)).end({ ...FACTS, status: 404, requestId: "r" });
  tracer.request("odd", undefined).end({ ...FACTS, route: undefined });
  await tracer.close();
  deepEqual(kit.spans.map(({ name }) => name), ["GET /v1/stream/*", "GET /v1/stream/*", "HTTP"]);
  deepEqual(kit.spans.map(({ status }) => status.code === api.SpanStatusCode.ERROR), [
    true,
    false,
    false,
  ]);
  deepEqual(kit.spans.map(({ attributes }) => attributes["error.type"]), [
    "503",
    undefined,
    undefined,
  ]);
  equal(kit.spans[2]?.attributes["http.request.method"], "_OTHER");
  equal(kit.spans[0]?.attributes["url.query"], "offset=-1");
});

Deno.test("a batch's span has the sync's time, and its links", async () => {
  const kit = new Kit();
  const tracer = await kit.open();
  const startMs = performance.now();
  const links = [contextOf(1), contextOf(2)];
  const batch = { startMs, endMs: startMs + 7, records: 9, bytes: 512, droppedLinks: 3 };
  tracer.batch({ ...batch, links });
  tracer.batch({ ...batch, links: [] });
  await tracer.close();
  const [span, other] = kit.spans;
  equal(other, undefined);
  deepEqual(span?.links.map(({ context }) => context.spanId), links.map(({ spanId }) => spanId));
  deepEqual([span?.spanContext().traceId, span?.parentSpanContext?.spanId], [
    TRACE_ID,
    contextOf(1).spanId,
  ]);
  const [seconds = -1, nanos = -1] = span?.duration ?? [];
  ok(seconds === 0 && Math.abs(nanos / 1e6 - 7) < 0.1, `${nanos} ns`);
  deepEqual(span?.attributes, {
    "durable_streams.batch.records": 9,
    "durable_streams.batch.bytes": 512,
    "durable_streams.batch.dropped_links": 3,
  });
});

Deno.test("a trace that isn't recorded goes on with the flag that says so", async () => {
  const kit = new Kit();
  const tracer = await kit.open();
  const request = tracer.request("POST", contextOf(1, false));
  const { context } = tracer.delivery({
    parent: request.context,
    subscription: "s",
    generation: 1,
    failures: 0,
    streams: 1,
    url: "https://a.example/secret",
  });
  deepEqual([context.traceId, context.isSampled], [TRACE_ID, false]);
  request.end(FACTS);
  await tracer.close();
  equal(kit.spans.length, 0);
});

Deno.test("a sampler that doesn't ask the client records what the client wouldn't", async () => {
  const kit = new Kit();
  const tracer = await kit.open({ OTEL_TRACES_SAMPLER: "always_on" });
  tracer.request("POST", contextOf(1, false)).end(FACTS);
  await tracer.close();
  equal(kit.spans.length, 1);
  const off = await kit.open({ OTEL_TRACES_SAMPLER: "always_off" });
  off.request("POST", contextOf(1)).end(FACTS);
  await off.close();
  equal(kit.spans.length, 1);
});

Deno.test("spans that nobody takes are bounded, and the newest dropped", async () => {
  const kit = new Kit();
  kit.answersAtOnce = false;
  const tracer = await kit.open({
    OTEL_BSP_MAX_QUEUE_SIZE: "50",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "20",
  });
  for (let i = 0; i < 10_000; i++) tracer.request("POST", undefined).end(FACTS);
  kit.answersAtOnce = true;
  for (const answer of kit.answers) answer();
  await tracer.close();
  // Those that were under way, and those that waited.
  equal(kit.spans.length, 70);
});

Deno.test("a collector that never answers holds the end up for a second", async () => {
  const kit = new Kit();
  kit.neverEnds = true;
  const tracer = await kit.open();
  const closing = tracer.close().then(() => "closed");
  kit.clock.advance(999);
  equal(await Promise.race([closing, Promise.resolve("not yet")]), "not yet");
  kit.clock.advance(1);
  equal(await closing, "closed");
});

Deno.test("where less than that second is left, it holds the end up no longer", async () => {
  const kit = new Kit();
  kit.neverEnds = true;
  const tracer = await kit.open();
  const closing = tracer.close(450).then(() => "closed");
  kit.clock.advance(449);
  equal(await Promise.race([closing, Promise.resolve("not yet")]), "not yet");
  kit.clock.advance(1);
  equal(await closing, "closed");
});

Deno.test("problems are logged once a minute, and at once where the clock was set back", async () => {
  const logged: unknown[] = [];
  const sink = ({ properties }: LogRecord) => logged.push(properties);
  const category = ["durable-streams", "traces"];
  configureSync({
    reset: true,
    sinks: { sink },
    loggers: [{ category, sinks: ["sink"] }, { category: ["logtape", "meta"], sinks: [] }],
  });
  try {
    const kit = new Kit();
    const tracer = await kit.open();
    for (const [ms, problem] of [[0, "a"], [59_999, "b"], [1, "c"], [-3_600_000, "d"]] as const) {
      kit.clock.advance(ms);
      api.diag.warn(problem);
    }
    await tracer.close();
  } finally {
    resetSync();
  }
  deepEqual(logged, [{ problem: "a" }, { problem: "c", andAsManyBefore: 1 }, { problem: "d" }]);
});
