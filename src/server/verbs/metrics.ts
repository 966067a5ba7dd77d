import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { CONTENT_TYPES, formatFor, renderSamples } from "../../metrics/exposition.ts";
import type { Sample } from "../../metrics/sample.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { literalPrefix, matches, type Pattern } from "../../protocol/name_pattern.ts";
import type { Storage } from "../../storage/storage.ts";
import { type Asker, requireAdmin } from "../access/guard.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import type { ServerContext } from "./context.ts";
import { measureProcess, measureThread } from "./measure.ts";

const METHODS = "GET, HEAD";
/** So many series by a stream's name there are at most: each is kept by whoever scrapes. */
const STREAM_SERIES_LIMIT = 1000;
/** So many names are looked at for them, in pages of so many. */
const LOOKED_AT_LIMIT = 100_000;
const PAGE_STREAMS = 1000;

/** GET of the metrics, in Prometheus' text format or in OpenMetrics, as `Accept` says. */
export async function metrics(
  context: ServerContext,
  request: HttpRequest,
  asker?: Asker,
): Promise<HttpResponse> {
  requireAdmin(asker);
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new StreamError(
      { code: "method_not_allowed", allowed: METHODS },
      `The metrics don't take the method ${quote(request.method)}: expected one of ${METHODS}.`,
    );
  }
  const format = formatFor(request.headers.get("accept"));
  const headers = {
    ...COMMON_HEADERS,
    ...NO_STORE,
    "content-type": CONTENT_TYPES[format],
    "vary": "accept",
  };
  if (request.method === "HEAD") return { status: 200, headers, body: null };
  const { gatherMetrics, metricsStreams } = context.config;
  const samples = gatherMetrics === undefined ? await measureAll(context) : await gatherMetrics();
  const streams = metricsStreams === undefined
    ? []
    : await measureStreams(context.storage, metricsStreams);
  return { status: 200, headers, body: renderSamples([...samples, ...streams], format) };
}

/** What there is to tell where one thread serves. */
export async function measureAll(context: ServerContext): Promise<readonly Sample[]> {
  return [...await measureProcess(context), ...measureThread(context)];
}

/** The tails of the first streams by name that a pattern matches. */
export async function measureStreams(
  storage: Storage,
  pattern: Pattern,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const prefix = literalPrefix(pattern);
  let after: string | undefined;
  for (let lookedAt = 0; lookedAt < LOOKED_AT_LIMIT; lookedAt += PAGE_STREAMS) {
    const { streams, next } = await storage.list({ prefix, after, limit: PAGE_STREAMS });
    for (const { name, tail } of streams) {
      if (!matches(pattern, name)) continue;
      samples.push({ name: "durable_streams_stream_tail_bytes", labels: [name], value: tail });
      if (samples.length === STREAM_SERIES_LIMIT) return samples;
    }
    if (next === undefined) break;
    after = next;
  }
  return samples;
}
