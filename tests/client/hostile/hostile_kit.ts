import { Client, type ClientOptions } from "../../../src/client/client.ts";
import type { Clock } from "../../../src/env/clock.ts";
import { createApp } from "../../../src/server/app.ts";
import type { AppOptions } from "../../../src/server/common/options.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import {
  type Decide,
  type HostileProxy,
  startHostileProxy,
} from "../../support/hostile_proxy/hostile_proxy.ts";
import { originOf, serveLocally } from "../../support/hostile_proxy/kit.ts";

/** How many random histories each property runs; more by the environment. */
export const RUNS = Number(Deno.env.get("CLIENT_HOSTILE_RUNS") ?? 6);

/** Where the random histories begin; the next ones take the seeds after it. */
export const FIRST_SEED = Number(Deno.env.get("CLIENT_HOSTILE_SEED") ?? 1);

/** The real app behind real sockets and a hostile proxy, and clients on both sides of the proxy. */
export interface Site {
  readonly proxy: HostileProxy;
  /** A client whose every request goes through the proxy. */
  readonly client: Client;
  /** A client that the proxy doesn't touch. */
  readonly direct: Client;
  /** Ends the server and starts another one over the same streams, on a port of its own. */
  restart(): Promise<void>;
}

/** What a site is made with. */
export interface SiteOptions {
  readonly decide?: Decide;
  readonly app?: Partial<AppOptions>;
  readonly client?: ClientOptions;
}

/** Runs a test at a {@link Site}, and ends all of it. */
export async function atSite(
  options: SiteOptions,
  test: (site: Site) => Promise<void>,
): Promise<void> {
  const storage = createMemoryStorage();
  const serve = () => {
    const ending = new AbortController();
    const app = createApp({
      storage,
      longPollTimeoutMs: 100,
      sseCloseAfterMs: 200,
      chunkBytes: 4096,
      signal: ending.signal,
      ...options.app,
    });
    const server = serveLocally((request) => app.fetch(request));
    return { server, ending };
  };
  let running = serve();
  const end = async () => {
    running.ending.abort();
    await running.server.shutdown();
  };
  const { decide } = options;
  const proxy = await startHostileProxy(
    originOf(running.server),
    decide === undefined ? {} : { decide },
  );
  // A hundredth of the usual waits: what is tested is what comes after them.
  const clientOptions: ClientOptions = { random: () => 0.01, ...options.client };
  try {
    await test({
      proxy,
      client: new Client(`${proxy.origin}/v1/stream`, clientOptions),
      get direct() {
        return new Client(`${originOf(running.server)}/v1/stream`);
      },
      restart: async () => {
        await end();
        running = serve();
        proxy.upstream = originOf(running.server);
      },
    });
  } finally {
    await proxy.close().finally(end);
  }
}

/** The machine's time, passing so many times as fast; below 1, and a busy machine meets no time-out. */
export function clockAtSpeed(factor: number): Clock {
  const startMs = Date.now();
  return {
    nowMs: () => startMs + (Date.now() - startMs) * factor,
    setTimer(delayMs, run) {
      const timer = setTimeout(run, delayMs / factor);
      return () => clearTimeout(timer);
    },
  };
}
