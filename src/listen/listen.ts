import { lookup } from "node:dns/promises";
import { ConnectionCounts } from "../http/connection_counts.ts";
import { unixPath } from "../protocol/unix_host.ts";
import { bunRuntime } from "./bun_runtime.ts";
import { denoRuntime } from "./deno_runtime.ts";
import { listenOnBun } from "./bun.ts";
import { listenWithBunServe } from "./bun_serve.ts";
import { listenWithDenoServe } from "./deno_serve.ts";
import { freePort } from "./free_port.ts";
import { ListenError } from "./listen_error.ts";
import type { Listener, ListenOptions, ResolvedListenOptions } from "./listener.ts";
import { listenOnNet } from "./net.ts";
import { checkTls } from "./tls.ts";
import { DEFAULT_SOCKET_MODE, listenAtPath } from "./unix_socket.ts";

/** Whether this runtime has a server of its own that the program can serve with. */
export function hasRuntimeHttp(): boolean {
  return bunRuntime() !== undefined || denoRuntime() !== undefined;
}

/** Whether that server, with TLS, neither asks clients for certificates nor shares its port with others. */
export function runtimeHttpIsLimited(): boolean {
  return bunRuntime() === undefined;
}

/** Counts for a listener; `undefined` where it doesn't count. */
export function countsOf(
  { host, tls, http }: Pick<ListenOptions, "host" | "tls" | "http">,
): ConnectionCounts | undefined {
  if (http !== "own") return undefined;
  if (unixPath(host) !== undefined) return new ConnectionCounts("unix");
  return new ConnectionCounts(tls === undefined ? "tcp" : "tls");
}

/**
 * Listens, in the way of the runtime that this runs on.
 *
 * @throws {ListenError}
 * @throws {RangeError} where its certificate is faulty
 */
export async function listen(given: ListenOptions): Promise<Listener> {
  // A faulty one is no matter of the address.
  const tls = given.tls === undefined ? {} : { tls: checkTls(given.tls).tls };
  const options = { ...given, ...tls };
  try {
    const path = unixPath(options.host);
    if (path !== undefined) {
      const mode = options.socketMode ?? DEFAULT_SOCKET_MODE;
      return await listenAtPath(path, mode, () => listenResolved({ ...options, path }));
    }
    // Looked up here, because Bun takes a name without an address for a port in use.
    const { address } = await lookup(options.host);
    const sharesPort = bunRuntime() !== undefined && options.http === "runtime" &&
      options.tls !== undefined && !options.isShared;
    // A port that the server will share with its successor.
    const port = sharesPort ? await freePort({ ...options, host: address }) : options.port;
    return await listenResolved({ ...options, host: address, port, path: undefined });
  } catch (error) {
    throw new ListenError(options, error);
  }
}

function listenResolved(options: ResolvedListenOptions): Listener | Promise<Listener> {
  if (options.http === "runtime") return listenWithRuntime(options);
  const bun = bunRuntime();
  return bun === undefined ? listenOnNet(options) : listenOnBun(bun, options);
}

function listenWithRuntime(options: ResolvedListenOptions): Listener {
  const bun = bunRuntime();
  if (bun !== undefined) return listenWithBunServe(bun, options);
  const deno = denoRuntime();
  if (deno !== undefined) return listenWithDenoServe(deno, options);
  throw new Error("this runtime has no server of its own that serves this: leave http at own");
}
