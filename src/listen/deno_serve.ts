import { fetchWith } from "../http/fetch.ts";
import { AcceptWarning } from "./accept_warning.ts";
import type { DenoRequestInfo, DenoRuntime, DenoServeOptions, DenoServer } from "./deno_runtime.ts";
import type { Listener, ResolvedListenOptions } from "./listener.ts";
import { EndingServers, failedResponse } from "./runtime_server.ts";
import { checkReplacement, type TlsOptions } from "./tls.ts";

const REPLACE_EVERY_MS = 1;
const REPLACE_ATTEMPTS = 200;

const LISTEN_AGAIN_MS = 50;

/** For a moment without a body on its way, before the server is replaced. */
const QUIET_LIMIT_MS = 5_000;

/** Listens with `Deno.serve`, for operators that want the runtime's own HTTP; with TLS, also HTTP/2. */
export function listenWithDenoServe(deno: DenoRuntime, options: ResolvedListenOptions): Listener {
  return new DenoListener(deno, options);
}

class DenoListener implements Listener {
  readonly port: number;
  readonly #deno: DenoRuntime;
  readonly #options: ResolvedListenOptions;
  #tls: TlsOptions | undefined;
  #server: DenoServer | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;
  readonly #warning = new AcceptWarning();
  /** Requests that may still be reading their body. */
  #uploads = 0;
  #uploaded: () => void = () => {};
  readonly #ending = new EndingServers();

  constructor(deno: DenoRuntime, options: ResolvedListenOptions) {
    this.#deno = deno;
    this.#options = options;
    this.#tls = options.tls;
    this.#server = this.#listen(options.port);
    this.port = this.#server.addr.port ?? 0;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    // shutdown() takes the body away from a request that is still reading it, so these go first;
    // what comes meanwhile is turned away, which is the nearest to not listening that Deno offers.
    await this.#bodiesRead();
    await Promise.all([this.#ending.ended(), this.#server?.shutdown()]);
  }

  /**
   * Another server on the port follows the first: between the two nobody is let in for some milliseconds,
   * HTTP/2 connections end, and a body that is on its way for longer than {@link QUIET_LIMIT_MS} is lost.
   * Two at once would take `--unstable-net`.
   */
  async setCertificate(next: TlsOptions): Promise<void> {
    const tls = checkReplacement(this.#tls, next);
    if (this.#options.path !== undefined) {
      throw new Error("Deno.serve keeps its certificate where it listens at a path");
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, QUIET_LIMIT_MS));
    await Promise.race([this.#bodiesRead(), late]);
    clearTimeout(timer);
    if (this.#stopping) return;
    this.#tls = tls;
    const before = this.#server;
    // Without one, the next attempt at listening is due already.
    if (before === undefined) return;
    this.#ending.add(before.shutdown());
    this.#server = undefined;
    await this.#replace();
  }

  /** The port is free some milliseconds after the server before has begun to end. */
  async #replace(): Promise<void> {
    for (let attempt = 0; attempt < REPLACE_ATTEMPTS && !this.#stopping; attempt++) {
      try {
        this.#server = this.#listen(this.port);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, REPLACE_EVERY_MS));
      }
    }
    if (!this.#stopping) this.#listenAgain();
  }

  /** Resolves once no request has its body still to come. */
  async #bodiesRead(): Promise<void> {
    if (this.#uploads === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const others = this.#uploaded;
    this.#uploaded = () => {
      this.#uploaded = others;
      resolve();
      others();
    };
    await promise;
  }

  #listen(port: number): DenoServer {
    const server = this.#deno.serve({
      ...this.#address(port),
      // Deno's own line would be a second one on stdout.
      onListen() {},
      onError: failedResponse,
      // Compressing would hold SSE events back and weaken the ETags.
      automaticCompression: false,
    }, (request, info) => this.#serve(request, info));
    server.finished.catch((error: unknown) => this.#ended(error));
    return server;
  }

  #address(port: number): Partial<DenoServeOptions> {
    const { host, isShared, path } = this.#options;
    const tls = this.#tls === undefined ? {} : { cert: this.#tls.cert, key: this.#tls.key };
    if (path !== undefined) return { path, ...tls };
    // Where it isn't wanted it has to be missing: with TLS it is unstable.
    return { hostname: host, port, ...(isShared ? { reusePort: true } : {}), ...tls };
  }

  #serve(request: Request, info: DenoRequestInfo): Response | Promise<Response> {
    if (this.#stopping) {
      return new Response("The server is stopping.\n", {
        status: 503,
        headers: [["content-type", "text/plain"], ["retry-after", "1"]],
      });
    }
    const response = fetchWith(this.#options.handler, request, () => info.remoteAddr.hostname);
    if (request.method === "GET") return response;
    this.#uploads++;
    const done = () => {
      if (--this.#uploads === 0) this.#uploaded();
    };
    response.then(done, done);
    return response;
  }

  /** Deno gives up its listener for good when accept fails once, as it does out of open files. */
  #ended(error: unknown): void {
    this.#server = undefined;
    if (this.#stopping) return;
    this.#warning.warn(error instanceof Error ? error.message : String(error));
    this.#timer = setTimeout(() => this.#listenAgain(), LISTEN_AGAIN_MS);
  }

  #listenAgain(): void {
    try {
      this.#server = this.#listen(this.port);
    } catch (error) {
      this.#ended(error);
    }
  }
}
