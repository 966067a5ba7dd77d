import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { type Asker, requireAdmin } from "../access/guard.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import type { ServerContext } from "./context.ts";

const METHODS = "GET, HEAD";

/**
 * How the server is, as JSON: 200 while it takes reads and writes, also where the disk is full for now;
 * 503 where nothing is written until the next start, and while the server stops.
 */
export function health(
  context: ServerContext,
  request: HttpRequest,
  asker?: Asker,
): HttpResponse {
  requireAdmin(asker);
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new StreamError(
      { code: "method_not_allowed", allowed: METHODS },
      `The health doesn't take the method ${quote(request.method)}: expected one of ${METHODS}.`,
    );
  }
  const { storage, config, clock, liveReaders, counters, startedMs } = context;
  const { state, reason, figures, damagedStreams, damagedSubscriptions } = storage.status();
  const status = liveReaders.isStopping ? "stopping" : state;
  const body = {
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
  return {
    status: status === "failed" || status === "stopping" ? 503 : 200,
    headers: { ...COMMON_HEADERS, ...NO_STORE, "content-type": "application/json" },
    body: request.method === "HEAD" ? null : `${JSON.stringify(body)}\n`,
  };
}
