import { lookup } from "node:dns/promises";
import type { Handler } from "../http/exchange.ts";
import { bunRuntime } from "./bun_runtime.ts";
import { listenOnBun } from "./listen_bun.ts";
import { listenWithBunServe } from "./listen_bun_serve.ts";
import { listenOnDeno } from "./listen_deno.ts";
import { type Address, ListenError } from "./listen_error.ts";

/** What a runtime's server is to do. */
export interface ListenOptions extends Address {
  handler: Handler;
  /** The longest that a request may go without a byte in either direction by the app's own limits. */
  longestSilenceMs: number;
  /** Who speaks HTTP; `undefined` for the program where it can, which is on Bun, else the runtime. */
  http: "own" | "runtime" | undefined;
  /** How many connections may be open at once, where the runtime lets that be said. */
  maxConnections: number;
  /** Whether other threads listen on the same port. */
  isShared: boolean;
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
 * Listens with the server of the runtime that this program runs on.
 *
 * @throws {ListenError}
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const bun = bunRuntime();
  try {
    // Looked up here, because Bun takes a name without an address for a port in use.
    const { address } = await lookup(options.host);
    const resolved = { ...options, host: address };
    if (bun === undefined) return listenOnDeno(resolved);
    return options.http === "runtime"
      ? listenWithBunServe(bun, resolved)
      : listenOnBun(bun, resolved);
  } catch (error) {
    throw new ListenError(options, error);
  }
}
