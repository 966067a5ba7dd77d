import { fetchWith } from "../http/fetch.ts";
import type { BunRuntime, BunServeOptions, BunServer } from "./bun_runtime.ts";
import type { Listener, ResolvedListenOptions } from "./listener.ts";
import { EndingServers, failedResponse } from "./runtime_server.ts";
import { checkReplacement, type TlsOptions } from "./tls.ts";

const MIN_IDLE_MS = 120_000;
const IDLE_MARGIN_MS = 30_000;
/** The longest that `Bun.serve` takes. */
const MAX_IDLE_SECONDS = 255;

/** Listens with `Bun.serve`, for operators that want the runtime's own HTTP; with TLS, also HTTP/2. */
export function listenWithBunServe(bun: BunRuntime, options: ResolvedListenOptions): Listener {
  return new BunServeListener(bun, options);
}

class BunServeListener implements Listener {
  readonly port: number;
  readonly #bun: BunRuntime;
  readonly #options: ResolvedListenOptions;
  #tls: TlsOptions | undefined;
  #server: BunServer;
  readonly #ending = new EndingServers();

  constructor(bun: BunRuntime, options: ResolvedListenOptions) {
    this.#bun = bun;
    this.#options = options;
    this.#tls = options.tls;
    this.#server = this.#listen(options.port);
    this.port = this.#server.port ?? 0;
  }

  /**
   * A second server on the port takes over from the first: connections that wait for that one, or are
   * with it and idle, are reset.
   */
  setCertificate(next: TlsOptions): void {
    const tls = checkReplacement(this.#tls, next);
    if (this.#options.path !== undefined) {
      throw new Error("Bun.serve keeps its certificate where it listens at a path");
    }
    this.#tls = tls;
    const before = this.#server;
    this.#server = this.#listen(this.port);
    this.#ending.add(before.stop(false));
  }

  async stop(): Promise<void> {
    await Promise.all([this.#ending.ended(), this.#server.stop(false)]);
  }

  #listen(port: number): BunServer {
    const { handler, longestSilenceMs } = this.#options;
    const idleMs = Math.max(longestSilenceMs + IDLE_MARGIN_MS, MIN_IDLE_MS);
    return this.#bun.serve({
      ...this.#address(port),
      ...this.#encryption(),
      idleTimeout: Math.min(Math.ceil(idleMs / 1000), MAX_IDLE_SECONDS),
      // The app has a limit of its own, and says which.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      fetch(request, server) {
        // Nothing moves on a long-poll, and the app ends it in time.
        if (request.method === "GET") server.timeout(request, 0);
        return fetchWith(handler, request, () => server.requestIP(request)?.address);
      },
      error: failedResponse,
    });
  }

  #address(port: number): Pick<BunServeOptions, "hostname" | "port" | "reusePort" | "unix"> {
    const { host, isShared, path } = this.#options;
    if (path !== undefined) return { unix: path };
    return { hostname: host, port, reusePort: isShared || this.#tls !== undefined };
  }

  #encryption(): Pick<BunServeOptions, "tls" | "http2"> {
    const tls = this.#tls;
    if (tls === undefined) return {};
    const { cert, key, ca } = tls;
    const checksClients = { requestCert: ca !== undefined, rejectUnauthorized: ca !== undefined };
    return {
      http2: true,
      tls: { cert, key, ...checksClients, ...(ca === undefined ? {} : { ca }) },
    };
  }
}
