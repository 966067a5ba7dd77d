import { getLogger } from "@logtape/logtape";
import { fetchWith } from "../http/fetch.ts";
import type { BunRuntime } from "./bun_runtime.ts";
import type { Listener, ListenOptions } from "./listener.ts";

const log = getLogger(["durable-streams", "http"]);

const MIN_IDLE_MS = 120_000;
const IDLE_MARGIN_MS = 30_000;
/** The longest that `Bun.serve` takes. */
const MAX_IDLE_SECONDS = 255;

/** Listens with `Bun.serve`, for operators that want the runtime's own HTTP. */
export function listenWithBunServe(bun: BunRuntime, options: ListenOptions): Listener {
  const idleMs = Math.max(options.longestSilenceMs + IDLE_MARGIN_MS, MIN_IDLE_MS);
  const server = bun.serve({
    hostname: options.host,
    port: options.port,
    reusePort: options.isShared,
    idleTimeout: Math.min(Math.ceil(idleMs / 1000), MAX_IDLE_SECONDS),
    // The app has a limit of its own, and says which.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    fetch(request, server) {
      // Nothing moves on a long-poll, and the app ends it in time.
      if (request.method === "GET") server.timeout(request, 0);
      return fetchWith(options.handler, request, () => server.requestIP(request)?.address);
    },
    error(error) {
      log.error("request failed", { error });
      return new Response("Internal error.\n", { status: 500 });
    },
  });
  return {
    port: server.port,
    async stop() {
      await server.stop(false);
    },
  };
}
