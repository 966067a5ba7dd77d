import { lookup } from "node:dns/promises";
import { bunRuntime } from "./bun_runtime.ts";
import { denoRuntime } from "./deno_runtime.ts";
import { listenOnBun } from "./bun.ts";
import { listenWithBunServe } from "./bun_serve.ts";
import { listenWithDenoServe } from "./deno_serve.ts";
import { ListenError } from "./listen_error.ts";
import type { Listener, ListenOptions } from "./listener.ts";
import { listenOnNet } from "./net.ts";

/** Whether this runtime has a server of its own that the program can serve with. */
export function hasRuntimeHttp(): boolean {
  return bunRuntime() !== undefined || denoRuntime() !== undefined;
}

/**
 * Listens, in the way of the runtime that this runs on.
 *
 * @throws {ListenError}
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  try {
    // Looked up here, because Bun takes a name without an address for a port in use.
    const { address } = await lookup(options.host);
    const resolved = { ...options, host: address };
    return options.http === "own" ? await listenOwn(resolved) : listenWithRuntime(resolved);
  } catch (error) {
    throw new ListenError(options, error);
  }
}

async function listenOwn(options: ListenOptions): Promise<Listener> {
  const bun = bunRuntime();
  return bun === undefined ? await listenOnNet(options) : listenOnBun(bun, options);
}

function listenWithRuntime(options: ListenOptions): Listener {
  const bun = bunRuntime();
  if (bun !== undefined) return listenWithBunServe(bun, options);
  const deno = denoRuntime();
  if (deno !== undefined) return listenWithDenoServe(deno, options);
  throw new Error("this runtime has no server of its own that serves this: leave http at own");
}
