import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { openTracer } from "../../src/tracing/open_telemetry.ts";
import { TracingError, tracingSettings } from "../../src/tracing/settings.ts";

const ON = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

Deno.test("traces are sent where an endpoint is set, and not where it is said expressly", () => {
  equal(tracingSettings({}), undefined);
  equal(tracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: " " }), undefined);
  equal(tracingSettings({ OTEL_SERVICE_NAME: "s", OTEL_TRACES_SAMPLER: "odd" }), undefined);
  equal(tracingSettings({ ...ON, OTEL_SDK_DISABLED: "True" }), undefined);
  equal(tracingSettings({ ...ON, OTEL_TRACES_EXPORTER: "none" }), undefined);
  deepEqual(tracingSettings(ON), {
    endpointVariable: "OTEL_EXPORTER_OTLP_ENDPOINT",
    sampler: { kind: "on", isParentBased: true, ratio: 1 },
    delayMs: 5000,
    maxQueuedSpans: 2048,
    maxBatchSpans: 512,
    warning: undefined,
  });
  const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example/in" };
  equal(tracingSettings({ ...ON, ...own })?.endpointVariable, Object.keys(own)[0]);
});

Deno.test("the sampler of traces is the one that the variables name", () => {
  const samplerOf = (name: string, arg?: string) =>
    tracingSettings({ ...ON, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg })?.sampler;
  deepEqual(samplerOf("always_off"), { kind: "off", isParentBased: false, ratio: 1 });
  deepEqual(samplerOf("traceidratio", "0.25"), {
    kind: "ratio",
    isParentBased: false,
    ratio: 0.25,
  });
  deepEqual(samplerOf("parentbased_traceidratio"), {
    kind: "ratio",
    isParentBased: true,
    ratio: 1,
  });
});

Deno.test("a batch of spans is never larger than what may wait", () => {
  equal(tracingSettings({ ...ON, OTEL_BSP_MAX_QUEUE_SIZE: "100" })?.maxBatchSpans, 100);
});

Deno.test("traces as http/protobuf go out as http/json, which is said", () => {
  const settings = tracingSettings({ ...ON, OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" });
  equal(
    settings?.warning,
    "OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf, and traces go out as http/json",
  );
});

const WRONG: readonly [Record<string, string>, RegExp][] = [
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "127.0.0.1:4318" }, /_ENDPOINT is no http or https URL; acc/],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "grpc://a" }, /TRACES_ENDPOINT is no http or https URL/],
  [{ OTEL_TRACES_EXPORTER: "zipkin" }, /OTEL_TRACES_EXPORTER is "zipkin"; accepted: otlp, none/],
  [{ OTEL_TRACES_SAMPLER: "jaeger" }, /SAMPLER is "jaeger"; accepted: parentbased_always_on, par/],
  [
    { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" },
    /SAMPLER_ARG is "2"; accepted: a number from 0 to 1/,
  ],
  [
    { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "half" },
    /SAMPLER_ARG is "half"/,
  ],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, /OTLP_PROTOCOL is "grpc"; accepted: http\/json/],
  [{ OTEL_BSP_SCHEDULE_DELAY: "0" }, /OTEL_BSP_SCHEDULE_DELAY is "0"; accepted: an integer from 1/],
  [{ OTEL_BSP_MAX_QUEUE_SIZE: "1e9" }, /OTEL_BSP_MAX_QUEUE_SIZE is "1e9"/],
];

for (const [environment, message] of WRONG) {
  Deno.test(`traces aren't begun with ${JSON.stringify(environment)}`, () => {
    throws(
      () => tracingSettings({ ...ON, ...environment }),
      (error) => error instanceof TracingError && message.test(error.message),
    );
  });
}

Deno.test("a message about an endpoint doesn't show what is in it", () => {
  const secret = { OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://user:geheim@host" };
  throws(() => tracingSettings(secret), (error) => {
    return error instanceof TracingError && !error.message.includes("geheim");
  });
});

Deno.test("without the packages of OpenTelemetry a server that is to send traces says what to install", async () => {
  const load = () => Promise.reject(new Error("Cannot find package '@opentelemetry/api'\n at x"));
  await rejects(openTracer(ON, "1.0.0", undefined, load), {
    name: "TracingError",
    message: "OTEL_EXPORTER_OTLP_ENDPOINT is set, and what sends traces can't be loaded " +
      "(Cannot find package '@opentelemetry/api'); accepted: with `npm install " +
      "@opentelemetry/api@1.10 @opentelemetry/resources@3.1 @opentelemetry/sdk-trace@3.1 " +
      "@opentelemetry/exporter-trace-otlp-http@0.301`, or with OTEL_SDK_DISABLED=true",
  });
});

Deno.test("without an endpoint nothing of OpenTelemetry is loaded", async () => {
  const load = () => Promise.reject(new Error("it was loaded"));
  equal(await openTracer({ OTEL_SERVICE_NAME: "s" }, "1.0.0", undefined, load), undefined);
});
