/** Why traces can't be sent as the environment asks for it. The message has no secret. */
export class TracingError extends Error {
  override readonly name = "TracingError";
}

/** The environment's variables. */
export type TracingEnvironment = Readonly<Record<string, string | undefined>>;

/** What the standard variables of OpenTelemetry say, as far as its packages don't read them themselves. */
export interface TracingSettings {
  /** The variable that has the collector's URL. */
  readonly endpointVariable: string;
  readonly sampler: SamplerSettings;
  /** How long spans are gathered before they are sent. */
  readonly delayMs: number;
  /** So many spans wait at most; what comes then is dropped. */
  readonly maxQueuedSpans: number;
  /** So many spans are sent at once. */
  readonly maxBatchSpans: number;
  /** What is done otherwise than the variables ask for, to be logged. */
  readonly warning: string | undefined;
}

/** Which traces are recorded. */
export interface SamplerSettings {
  readonly kind: "on" | "off" | "ratio";
  /** Whether it is asked only where no `traceparent` says it. */
  readonly isParentBased: boolean;
  /** Of all traces, with `ratio`: from 0 to 1. */
  readonly ratio: number;
}

const ENDPOINTS = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"] as const;
const PROTOCOLS = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] as const;

const SAMPLERS: ReadonlyMap<string, Omit<SamplerSettings, "ratio">> = new Map([
  ["parentbased_always_on", { kind: "on", isParentBased: true }],
  ["parentbased_always_off", { kind: "off", isParentBased: true }],
  ["parentbased_traceidratio", { kind: "ratio", isParentBased: true }],
  ["always_on", { kind: "on", isParentBased: false }],
  ["always_off", { kind: "off", isParentBased: false }],
  ["traceidratio", { kind: "ratio", isParentBased: false }],
]);

/**
 * Reads the variables; `undefined` where no traces are to be sent: no endpoint is set, or it is said
 * expressly.
 *
 * @throws {TracingError} what is wrong and what would be right
 */
export function tracingSettings(environment: TracingEnvironment): TracingSettings | undefined {
  const variable = ENDPOINTS.find((name) => valueOf(environment, name) !== undefined);
  if (variable === undefined) return undefined;
  if (valueOf(environment, "OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined;
  const exporter = valueOf(environment, "OTEL_TRACES_EXPORTER") ?? "otlp";
  if (exporter === "none") return undefined;
  if (exporter !== "otlp") throw wrong("OTEL_TRACES_EXPORTER", exporter, "otlp, none");
  for (const name of ENDPOINTS) checkEndpoint(name, valueOf(environment, name));
  const maxQueuedSpans = countOf(environment, "OTEL_BSP_MAX_QUEUE_SIZE", 2048);
  return {
    endpointVariable: variable,
    sampler: samplerOf(environment),
    delayMs: countOf(environment, "OTEL_BSP_SCHEDULE_DELAY", 5000),
    maxQueuedSpans,
    maxBatchSpans: Math.min(
      countOf(environment, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
      maxQueuedSpans,
    ),
    warning: protocolWarning(environment),
  };
}

/** One that is empty counts as not set, as OpenTelemetry's specification says. */
function valueOf(environment: TracingEnvironment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === "" ? undefined : value;
}

/** A URL may have a password in it, so none is shown. */
function checkEndpoint(name: string, value: string | undefined): void {
  if (value === undefined) return;
  const isUrl = URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
  if (isUrl) return;
  throw new TracingError(
    `${name} is no http or https URL; accepted: a collector's, such as http://127.0.0.1:4318`,
  );
}

function samplerOf(environment: TracingEnvironment): SamplerSettings {
  const name = valueOf(environment, "OTEL_TRACES_SAMPLER") ?? "parentbased_always_on";
  const sampler = SAMPLERS.get(name);
  if (sampler === undefined) {
    throw wrong("OTEL_TRACES_SAMPLER", name, [...SAMPLERS.keys()].join(", "));
  }
  if (sampler.kind !== "ratio") return { ...sampler, ratio: 1 };
  const text = valueOf(environment, "OTEL_TRACES_SAMPLER_ARG") ?? "1";
  const ratio = Number(text);
  if (ratio >= 0 && ratio <= 1) return { ...sampler, ratio };
  throw wrong("OTEL_TRACES_SAMPLER_ARG", text, "a number from 0 to 1");
}

function countOf(environment: TracingEnvironment, name: string, fallback: number): number {
  const text = valueOf(environment, name);
  if (text === undefined) return fallback;
  const count = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (count >= 1 && count <= 1_000_000) return count;
  throw wrong(name, text, "an integer from 1 to 1000000");
}

/** What takes OTLP over HTTP takes JSON nearly always; gRPC is another port. */
function protocolWarning(environment: TracingEnvironment): string | undefined {
  const name = PROTOCOLS.find((each) => valueOf(environment, each) !== undefined);
  const protocol = name === undefined ? undefined : valueOf(environment, name);
  if (name === undefined || protocol === undefined || protocol === "http/json") return undefined;
  if (protocol !== "http/protobuf") throw wrong(name, protocol, "http/json");
  return `${name} is http/protobuf, and traces go out as http/json`;
}

function wrong(name: string, value: string, accepted: string): TracingError {
  return new TracingError(`${name} is ${JSON.stringify(value)}; accepted: ${accepted}`);
}
