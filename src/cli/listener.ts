import { bunRuntime } from "./bun_runtime.ts";
import { listenOnBun } from "./listen_bun.ts";
import { listenOnDeno } from "./listen_deno.ts";

/** What a runtime's server is to do. */
export interface ListenOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  fetch: (request: Request) => Response | Promise<Response>;
  /** The longest that a request may go without a byte in either direction by the app's own limits. */
  longestSilenceMs: number;
}

/** A runtime's server, listening. */
export interface Listener {
  readonly port: number;
  /** Takes no new connections from now on; resolves when the requests in flight are answered. */
  stop(): Promise<void>;
}

/** The runtime that this program runs on, with its version, as in `Deno 2.9.6`. */
export function runtimeName(): string {
  const bun = bunRuntime();
  return bun === undefined ? `Deno ${Deno.version.deno}` : `Bun ${bun.version}`;
}

/**
 * Listens with the server of the runtime that this program runs on. Rejects or throws if it can't,
 * with the system's `code` where there is one.
 */
export function listen(options: ListenOptions): Listener {
  const bun = bunRuntime();
  return bun === undefined ? listenOnDeno(options) : listenOnBun(bun, options);
}
