import type { Attributes, Context, DiagLogger, Span } from "@opentelemetry/api";
import type { Sampler } from "@opentelemetry/sdk-trace";
import { getLogger } from "@logtape/logtape";
import { type Clock, hasPassed, systemClock } from "../env/clock.ts";
import {
  type SamplerSettings,
  type TracingEnvironment,
  TracingError,
  tracingSettings,
} from "./settings.ts";
import type { TraceContext } from "./trace_context.ts";
import type {
  DeliverySpan,
  DeliveryStart,
  RequestFacts,
  RequestSpan,
  SyncedBatch,
  Tracer,
} from "./tracer.ts";

const logger = getLogger(["durable-streams", "traces"]);

/** The packages that send traces, as npm takes them. */
const PACKAGES = "@opentelemetry/api@1.10 @opentelemetry/resources@3.1 " +
  "@opentelemetry/sdk-trace@3.1 @opentelemetry/exporter-trace-otlp-http@0.301";
const METHODS: ReadonlySet<string> = new Set(
  ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"],
);
/** Bounds what the spans that wait may take. */
const VALUE_LIMIT_CHARS = 4_096;
/** Problems are logged at most so often. */
const NOTE_EVERY_MS = 60_000;
/** What is still to be sent at the end isn't waited for any longer. */
const CLOSE_LIMIT_MS = 1_000;
const PROBLEM_LIMIT_CHARS = 300;

/** A tracer that sends what it is told to a collector. */
export interface OpenedTracer extends Tracer {
  /** Sends what is still to be sent, for a second at most, or for what is left where that is less. */
  close(leftMs?: number): Promise<void>;
}

type Packages = Awaited<ReturnType<typeof loadPackages>>;

/**
 * Opens the tracer that the standard variables of OpenTelemetry ask for, `undefined` where they ask for
 * none: nothing of OpenTelemetry is loaded then.
 *
 * @param environment which the packages also read themselves, by `process.env`
 * @param version the program's, for the spans
 * @param load gets the packages, tests give another
 * @throws {TracingError} where a variable is wrong, or the packages are missing
 */
export async function openTracer(
  environment: TracingEnvironment,
  version: string,
  clock: Clock = systemClock,
  load: () => Promise<Packages> = loadPackages,
): Promise<OpenedTracer | undefined> {
  const settings = tracingSettings(environment);
  if (settings === undefined) return undefined;
  const packages = await load().catch((error: unknown) => {
    throw missing(settings.endpointVariable, error);
  });
  if (settings.warning !== undefined) logger.warn(settings.warning);
  const { api, sdk, resources, exporter } = packages;
  api.diag.setLogger(new ProblemLog(clock), {
    logLevel: api.DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
  const provider = new sdk.TracerProvider({
    resource: resources.defaultResource()
      .merge(resources.resourceFromAttributes({
        "service.name": "durable-streams",
        "service.version": version,
      }))
      .merge(resources.detectResources({
        detectors: [
          resources.resourceAttributesEnvDetector,
          resources.serviceNameEnvDetector,
        ],
      })),
    sampler: samplerOf(packages, settings.sampler),
    spanLimits: { attributeValueLengthLimit: VALUE_LIMIT_CHARS },
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new exporter.OTLPTraceExporter(),
        scheduledDelayMillis: settings.delayMs,
        maxQueueSize: settings.maxQueuedSpans,
        maxExportBatchSize: settings.maxBatchSpans,
      }),
    ],
  });
  return new OpenTelemetryTracer(packages, provider, version, clock);
}

/** By names that are written out, so that who bundles the program finds them. */
async function loadPackages() {
  const [api, sdk, resources, exporter] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/exporter-trace-otlp-http"),
  ]);
  return { api, sdk, resources, exporter };
}

function missing(endpointVariable: string, cause: unknown): TracingError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TracingError(
    `${endpointVariable} is set, and what sends traces can't be loaded ` +
      `(${firstLine(reason)}); accepted: with \`npm install ${PACKAGES}\`, or with ` +
      "OTEL_SDK_DISABLED=true",
    { cause },
  );
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

function samplerOf({ sdk }: Packages, { kind, isParentBased, ratio }: SamplerSettings): Sampler {
  const root = kind === "on"
    ? new sdk.AlwaysOnSampler()
    : kind === "off"
    ? new sdk.AlwaysOffSampler()
    : new sdk.TraceIdRatioBasedSampler(ratio);
  return isParentBased ? new sdk.ParentBasedSampler({ root }) : root;
}

/** Spans as the semantic conventions of OpenTelemetry have them. */
class OpenTelemetryTracer implements OpenedTracer {
  readonly #packages: Packages;
  readonly #provider: InstanceType<Packages["sdk"]["TracerProvider"]>;
  readonly #tracer: ReturnType<InstanceType<Packages["sdk"]["TracerProvider"]>["getTracer"]>;
  readonly #clock: Clock;

  constructor(
    packages: Packages,
    provider: InstanceType<Packages["sdk"]["TracerProvider"]>,
    version: string,
    clock: Clock,
  ) {
    this.#packages = packages;
    this.#provider = provider;
    this.#tracer = provider.getTracer("durable-streams", version);
    this.#clock = clock;
  }

  request(method: string, parent: TraceContext | undefined): RequestSpan {
    const { SpanKind, SpanStatusCode } = this.#packages.api;
    const known = METHODS.has(method) ? method : "_OTHER";
    const verb = known === "_OTHER" ? "HTTP" : known;
    const span = this.#tracer.startSpan(verb, { kind: SpanKind.SERVER }, this.#below(parent));
    return {
      context: this.#contextOf(span),
      end(facts) {
        if (span.isRecording()) {
          if (facts.route !== undefined) span.updateName(`${verb} ${facts.route}`);
          span.setAttributes(requestAttributes(known, facts));
          if (facts.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        }
        span.end();
      },
    };
  }

  /** In the trace of the first of its appends, so that an append by itself is found with its sync. */
  batch({ startMs, endMs, records, bytes, links, droppedLinks }: SyncedBatch): void {
    const [first] = links;
    if (first === undefined) return;
    const sinceMs = Date.now() - performance.now();
    const span = this.#tracer.startSpan("log sync", {
      startTime: sinceMs + startMs,
      links: links.map((context) => ({ context: this.#spanContext(context) })),
      attributes: {
        "durable_streams.batch.records": records,
        "durable_streams.batch.bytes": bytes,
        ...(droppedLinks > 0 && { "durable_streams.batch.dropped_links": droppedLinks }),
      },
    }, this.#below(first));
    span.end(sinceMs + endMs);
  }

  delivery(start: DeliveryStart): DeliverySpan {
    const { SpanKind, SpanStatusCode } = this.#packages.api;
    const span = this.#tracer.startSpan(
      "POST webhook",
      { kind: SpanKind.CLIENT },
      this.#below(start.parent),
    );
    if (span.isRecording()) span.setAttributes(deliveryAttributes(start));
    return {
      context: this.#contextOf(span),
      end(status, problem) {
        if (status !== undefined) span.setAttribute("http.response.status_code", status);
        if (problem !== undefined) {
          span.setAttribute("error.type", status === undefined ? "no_answer" : String(status));
          span.setStatus({ code: SpanStatusCode.ERROR, message: problem });
        }
        span.end();
      },
    };
  }

  async close(leftMs = Infinity): Promise<void> {
    const late = Promise.withResolvers<void>();
    const limitMs = Math.min(leftMs, CLOSE_LIMIT_MS);
    const cancel = this.#clock.setTimer(limitMs, () => late.resolve());
    // The collector may be away, which the log has told already.
    const done = this.#provider.shutdown().catch(() => {});
    await Promise.race([done, late.promise]);
    cancel();
  }

  #below(parent: TraceContext | undefined): Context {
    const { ROOT_CONTEXT, trace } = this.#packages.api;
    if (parent === undefined) return ROOT_CONTEXT;
    return trace.setSpanContext(ROOT_CONTEXT, this.#spanContext(parent));
  }

  #spanContext({ traceId, spanId, isSampled }: TraceContext) {
    const { TraceFlags } = this.#packages.api;
    const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
    return { traceId, spanId, traceFlags, isRemote: true };
  }

  #contextOf(span: Span): TraceContext {
    const { traceId, spanId, traceFlags } = span.spanContext();
    const { TraceFlags } = this.#packages.api;
    return { traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
  }
}

function requestAttributes(method: string, facts: RequestFacts): Attributes {
  const { status, path, route, scheme, stream, requestId } = facts;
  const query = path.indexOf("?");
  return {
    "http.request.method": method,
    "http.response.status_code": status,
    "url.scheme": scheme,
    "url.path": query < 0 ? path : path.slice(0, query),
    ...(query >= 0 && { "url.query": path.slice(query + 1) }),
    ...(route !== undefined && { "http.route": route }),
    ...(stream !== undefined && { "durable_streams.stream": stream }),
    ...(requestId !== undefined && { "durable_streams.request_id": requestId }),
    ...(status >= 500 && { "error.type": String(status) }),
  };
}

function deliveryAttributes(start: DeliveryStart): Attributes {
  const { subscription, generation, failures, streams } = start;
  return {
    "http.request.method": "POST",
    ...(failures > 0 && { "http.request.resend_count": failures }),
    ...serverAttributes(start.url),
    "durable_streams.subscription": subscription,
    "durable_streams.wake.generation": generation,
    "durable_streams.wake.streams": streams,
  };
}

/** No path and no query, which may be what a webhook is kept from strangers by. */
function serverAttributes(text: string): Attributes {
  if (!URL.canParse(text)) return {};
  const { protocol, hostname, port } = new URL(text);
  const scheme = protocol.slice(0, -1);
  return {
    "url.scheme": scheme,
    "server.address": hostname,
    "server.port": port === "" ? (scheme === "https" ? 443 : 80) : Number(port),
  };
}

/** What OpenTelemetry complains about goes to the log, once a minute: a collector may be away for long. */
class ProblemLog implements DiagLogger {
  readonly #clock: Clock;
  #lastMs = -Infinity;
  #unsaid = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  error(message: string): void {
    this.#note(message);
  }

  warn(message: string): void {
    this.#note(message);
  }

  info(): void {}
  debug(): void {}
  verbose(): void {}

  #note(message: string): void {
    const nowMs = this.#clock.nowMs();
    if (!hasPassed(NOTE_EVERY_MS, this.#lastMs, nowMs)) {
      this.#unsaid++;
      return;
    }
    logger.warn("traces can't be sent as they should: {problem}", {
      problem: plainProblem(message),
      ...(this.#unsaid > 0 && { andAsManyBefore: this.#unsaid }),
    });
    this.#lastMs = nowMs;
    this.#unsaid = 0;
  }
}

/** The message alone: errors come as JSON, with their stack and what the collector answered. */
function plainProblem(text: string): string {
  try {
    const error: unknown = JSON.parse(text);
    if (typeof error === "object" && error !== null) {
      const named = "message" in error ? String(error.message) : "";
      const code = "code" in error ? String(error.code) : "";
      return (named || code || text).slice(0, PROBLEM_LIMIT_CHARS);
    }
  } catch {
    // It is a text.
  }
  return text.slice(0, PROBLEM_LIMIT_CHARS);
}
