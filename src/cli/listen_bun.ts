import { setTimeout as sleep } from "node:timers/promises";
import { getLogger } from "@logtape/logtape";
import type { BunRuntime } from "./bun_runtime.ts";
import type { Listener, ListenOptions } from "./listener.ts";

const log = getLogger(["durable-streams", "http"]);

/** Bun's own limit on `idleTimeout`. */
const LONGEST_IDLE_SECONDS = 255;
const SHORTEST_IDLE_SECONDS = 120;
const SPARE_SECONDS = 30;
const DRAIN_POLL_MS = 5;

/** Listens with `Bun.serve`. */
export function listenOnBun(bun: BunRuntime, options: ListenOptions): Listener {
  const server = bun.serve({
    hostname: options.host,
    port: options.port,
    fetch: options.fetch,
    error(error) {
      log.error("request failed", { error });
      return new Response("Internal error.\n", { status: 500 });
    },
    idleTimeout: idleSeconds(options.longestSilenceMs),
    // The app has its own limit and says what it is; Bun's would close the connection without a word.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    // On unless said otherwise as soon as `development` is off: two servers would share the port.
    reusePort: options.isShared,
  });
  return {
    port: server.port,
    async stop() {
      let stopped = false;
      void server.stop(false).then(() => stopped = true);
      // stop() also waits for connections on which no request has been made; nobody needs these.
      while (!stopped && server.pendingRequests > 0) await sleep(DRAIN_POLL_MS);
    },
  };
}

/**
 * Bun cuts a connection on which nothing moved for this long, ten seconds unless told otherwise: a
 * quiet long-poll or SSE response among them. A limit above the app's own keeps these whole, costs
 * nothing per request, and still ends connections that nobody uses.
 */
export function idleSeconds(longestSilenceMs: number): number {
  const seconds = Math.max(
    Math.ceil(longestSilenceMs / 1_000) + SPARE_SECONDS,
    SHORTEST_IDLE_SECONDS,
  );
  return seconds <= LONGEST_IDLE_SECONDS ? seconds : 0;
}
