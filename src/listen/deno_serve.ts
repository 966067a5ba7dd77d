import { getLogger } from "@logtape/logtape";
import { fetchWith } from "../http/fetch.ts";
import type { DenoRequestInfo, DenoRuntime, DenoServer } from "./deno_runtime.ts";
import type { Listener, ListenOptions } from "./listener.ts";

const log = getLogger(["durable-streams", "http"]);

const LISTEN_AGAIN_MS = 50;
const WARN_EVERY_MS = 10_000;

/** Listens with `Deno.serve`, for operators that want the runtime's own HTTP. */
export function listenWithDenoServe(deno: DenoRuntime, options: ListenOptions): Listener {
  return new DenoListener(deno, options);
}

class DenoListener implements Listener {
  readonly port: number;
  readonly #deno: DenoRuntime;
  readonly #options: ListenOptions;
  #server: DenoServer | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;
  #warnedAtMs = -Infinity;
  /** Requests that may still be reading their body. */
  #uploads = 0;
  #uploaded: () => void = () => {};

  constructor(deno: DenoRuntime, options: ListenOptions) {
    this.#deno = deno;
    this.#options = options;
    this.#server = this.#listen(options.port);
    this.port = this.#server.addr.port;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    // shutdown() takes the body away from a request that is still reading it, so these go first;
    // what comes meanwhile is turned away, which is the nearest to not listening that Deno offers.
    if (this.#uploads > 0) await new Promise<void>((resolve) => this.#uploaded = resolve);
    await this.#server?.shutdown();
  }

  #listen(port: number): DenoServer {
    const server = this.#deno.serve({
      hostname: this.#options.host,
      port,
      reusePort: this.#options.isShared,
      // Deno's own line would be a second one on stdout.
      onListen() {},
      onError(error) {
        log.error("request failed", { error });
        return new Response("Internal error.\n", { status: 500 });
      },
      // Compressing would hold SSE events back and weaken the ETags.
      automaticCompression: false,
    }, (request, info) => this.#serve(request, info));
    server.finished.catch((error: unknown) => this.#ended(error));
    return server;
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
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs >= WARN_EVERY_MS) {
      this.#warnedAtMs = nowMs;
      log.error("taking connections failed, listening again; is the open-file limit too low?", {
        error: error instanceof Error ? error.message : String(error),
      });
    }
    this.#timer = setTimeout(() => {
      try {
        this.#server = this.#listen(this.port);
      } catch (error) {
        this.#ended(error);
      }
    }, LISTEN_AGAIN_MS);
  }
}
