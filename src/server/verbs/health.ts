import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import type { StartProgress } from "../../storage/start_progress.ts";
import { type Asker, requireAdmin } from "../access/guard.ts";
import { jsonResponse } from "../common/json_response.ts";
import { type Readiness, readiness } from "./readiness.ts";
import type { ServerContext } from "./context.ts";

const METHODS = "GET, HEAD";

/**
 * How the server is, as JSON: 200 while it takes reads and writes, also where the disk is full for now;
 * 503 where nothing is written until the next start, and while the server stops.
 *
 * Of its parts, `live` is 200 as long as there is anybody to answer, and `ready` only while reads and writes
 * are taken.
 */
export function health(
  context: ServerContext,
  request: HttpRequest,
  part: "all" | "live" | "ready",
  asker?: Asker,
): HttpResponse {
  check(request, part, asker);
  const status = readiness(context);
  if (part === "live") return respond(request, 200, { status: "live" });
  if (part === "ready") {
    const { reason } = context.storage.status();
    return respond(request, status === "ok" ? 200 : 503, { status, reason });
  }
  const isDown = status === "failed" || status === "stopping";
  return respond(request, isDown ? 503 : 200, describeHealth(context, status));
}

/**
 * The same before the storage is open: `live` is 200, the others are 503 with how far the start is.
 *
 * @throws {StreamError} `method_not_allowed`, `unauthenticated`, `forbidden`
 */
export function healthOfStart(
  { config, clock, startedMs }: ServerContext,
  request: HttpRequest,
  part: "all" | "live" | "ready",
  { state, ...recovery }: StartProgress,
  asker?: Asker,
): HttpResponse {
  check(request, part, asker);
  if (part === "live") return respond(request, 200, { status: "live" });
  const more = part === "ready" ? {} : {
    version: config.version,
    uptimeMs: Math.round(clock.nowMs() - startedMs),
  };
  const progress = state === "recovering" ? { recovery } : {};
  const response = respond(request, 503, { status: state, ...more, ...progress });
  return { ...response, headers: { ...response.headers, "retry-after": "1" } };
}

function check(request: HttpRequest, part: "all" | "live" | "ready", asker?: Asker): void {
  if (part === "all") requireAdmin(asker);
  if (request.method === "GET" || request.method === "HEAD") return;
  throw new StreamError(
    { code: "method_not_allowed", allowed: METHODS },
    `The health doesn't take the method ${quote(request.method)}: expected one of ${METHODS}.`,
  );
}

/** The whole health as JSON. */
export function describeHealth(context: ServerContext, status: Readiness): Record<string, unknown> {
  const { storage, config, clock, liveReaders, counters, startedMs } = context;
  const { reason, figures, damagedStreams, damagedSubscriptions } = storage.status();
  return {
    status,
    reason,
    version: config.version,
    uptimeMs: Math.round(clock.nowMs() - startedMs),
    storage: figures,
    // Names, and the paths in reasons, are for whom the streams are listed, too.
    damagedStreams: config.listing ? damagedStreams : damagedStreams?.map(({ id }) => ({ id })),
    damagedSubscriptions: config.listing
      ? damagedSubscriptions
      : damagedSubscriptions?.map(({ id }) => ({ id })),
    readers: {
      live: liveReaders.size,
      cut: counters.droppedReaders,
      refused: counters.rejectedReaders,
    },
    defects: counters.internalErrors,
  };
}

function respond({ method }: HttpRequest, status: number, body: unknown): HttpResponse {
  const response = jsonResponse(status, JSON.stringify(body));
  return method === "HEAD" ? { ...response, body: null } : response;
}
