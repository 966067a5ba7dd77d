import { lookup as lookUp } from "node:dns/promises";
import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { LookupFunction, Socket } from "node:net";
import { type Clock, systemClock } from "../../env/clock.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import {
  checkWebhookUrl,
  connectionProblem,
  type TargetRules,
  type WebhookTarget,
} from "./target_url.ts";
import {
  WebhookDeliveryError,
  type WebhookRequest,
  type WebhookResponse,
  type WebhookTransport,
} from "./transport.ts";

/** An address that a name resolves to. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Options of {@link HttpTransport}. */
export interface HttpTransportOptions extends TargetRules {
  /** Name, TCP and TLS together take at most this long. Default: 5,000. */
  readonly connectTimeoutMs?: number;
  /** A connection without a delivery is closed after this time. Default: 30,000. */
  readonly idleTimeoutMs?: number;
  /** The most connections to one host and port; further deliveries wait for one. Default: 256. */
  readonly socketsPerHost?: number;
  /** A longer answer fails the delivery. Default: 64 KiB. */
  readonly responseLimitBytes?: number;
  /** Times the connecting. Default: the machine's. */
  readonly clock?: Clock;
  /** All addresses of a name. Default: the system's resolver. */
  readonly resolve?: (host: string) => Promise<readonly ResolvedAddress[]>;
  /** Certificates to trust instead of the system's, in PEM. */
  readonly ca?: string;
}

/** Longer headers of an answer fail the delivery. */
const HEADERS_LIMIT_BYTES = 16 * 1024;

/** What the codes of network errors mean; others stand for themselves. */
const NETWORK_ERRORS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection closed before the whole answer"],
  ["EPIPE", "connection closed before the whole answer"],
  ["ETIMEDOUT", "the network timed out"],
  ["EHOSTUNREACH", "host unreachable"],
  ["ENETUNREACH", "network unreachable"],
  ["ENOTFOUND", "the name doesn't resolve"],
  ["EAI_AGAIN", "the resolver is unavailable"],
  ["HPE_HEADER_OVERFLOW", `the answer's headers are longer than ${HEADERS_LIMIT_BYTES} bytes`],
]);

const CLOSED_EARLY: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

/**
 * Deliveries by the runtime's own HTTP client, over connections that nothing else uses: an address
 * is checked when a connection to it is made, and one that other code made would pass that by.
 *
 * No redirect is followed, no proxy is used, and no answer is decoded.
 */
export class HttpTransport implements WebhookTransport {
  readonly #rules: TargetRules;
  readonly #connectTimeoutMs: number;
  readonly #responseLimitBytes: number;
  readonly #clock: Clock;
  readonly #resolve: (host: string) => Promise<readonly ResolvedAddress[]>;
  /** By the URL's scheme. */
  readonly #agents: Readonly<Record<string, http.Agent>>;
  readonly #singleUseAgents: Readonly<Record<string, http.Agent>>;

  constructor(options: HttpTransportOptions) {
    const { idleTimeoutMs = 30_000, socketsPerHost = 256, ca } = options;
    this.#rules = options;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
    this.#responseLimitBytes = options.responseLimitBytes ?? 64 * 1024;
    this.#clock = options.clock ?? systemClock;
    this.#resolve = options.resolve ?? ((host) => lookUp(host, { all: true }));
    const tls = ca === undefined ? {} : { ca };
    // Of an empty environment: with NODE_USE_ENV_PROXY, Deno gives the proxies to every agent.
    const proxyEnv = {};
    const pool = { proxyEnv, keepAlive: true, maxSockets: socketsPerHost, timeout: idleTimeoutMs };
    this.#agents = {
      "http:": new http.Agent(pool),
      "https:": new https.Agent({ ...pool, ...tls }),
    };
    const single = { proxyEnv, keepAlive: false, maxSockets: socketsPerHost };
    this.#singleUseAgents = {
      "http:": new http.Agent(single),
      "https:": new https.Agent({ ...single, ...tls }),
    };
  }

  /** As the interface says. */
  async send(request: WebhookRequest): Promise<WebhookResponse> {
    if (request.signal.aborted) throw aborted();
    const target = this.#check(request.url);
    try {
      return await this.#attempt(request, target, this.#agents);
    } catch (error) {
      if (!(error instanceof StaleConnectionError)) throw error;
      // The receiver closed it while it was idle, which says nothing about the receiver.
      return await this.#attempt(request, target, this.#singleUseAgents);
    }
  }

  /** Closes all connections. */
  close(): void {
    for (const agents of [this.#agents, this.#singleUseAgents]) {
      for (const agent of Object.values(agents)) agent.destroy();
    }
  }

  #check(url: string): WebhookTarget {
    try {
      return checkWebhookUrl(url, this.#rules);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      // Its message has the URL in it.
      throw new WebhookDeliveryError("rejected_url", "the URL isn't accepted any more");
    }
  }

  #attempt(
    request: WebhookRequest,
    target: WebhookTarget,
    agents: Readonly<Record<string, http.Agent>>,
  ): Promise<WebhookResponse> {
    const { protocol } = target.url;
    const { promise, resolve, reject } = Promise.withResolvers<WebhookResponse>();
    const outgoing = (protocol === "https:" ? https : http).request(target.url, {
      method: "POST",
      agent: agents[protocol],
      headers: { ...request.headers, "content-length": String(request.body.length) },
      lookup: this.#lookupFor(target),
      maxHeaderSize: HEADERS_LIMIT_BYTES,
    });
    const fail = (error: WebhookDeliveryError | StaleConnectionError) => {
      reject(error);
      outgoing.destroy();
    };
    // By the option of that name, Deno doesn't end a request that waits for a connection.
    const abort = () => fail(aborted());
    request.signal.addEventListener("abort", abort, { once: true });
    outgoing.on("error", (error) => {
      fail(isStale(outgoing, error) ? new StaleConnectionError() : describe(error));
    });
    outgoing.on("upgrade", () => {
      fail(new WebhookDeliveryError("network", "the answer switches to another protocol"));
    });
    outgoing.on("close", () => {
      request.signal.removeEventListener("abort", abort);
    });
    outgoing.on("socket", (socket) => this.#limitConnecting(outgoing, socket, protocol, fail));
    outgoing.on("response", (response) => {
      this.#collect(response, resolve, fail);
    });
    outgoing.end(request.body);
    return promise;
  }

  /** Resolves a name, and connects to none of its addresses if one of them is forbidden. */
  #lookupFor(target: WebhookTarget): LookupFunction {
    return (host, options, callback) => {
      const check = async () => {
        const addresses = await this.#resolve(host);
        const [first] = addresses;
        if (first === undefined) {
          throw new WebhookDeliveryError("network", "the name has no address");
        }
        for (const { address } of addresses) {
          const problem = connectionProblem(target, address);
          if (problem === undefined) continue;
          const message = `the name resolves to ${problem}: ${address}`;
          throw new WebhookDeliveryError("rejected_address", message);
        }
        return { addresses, first };
      };
      check().then(({ addresses, first }) => {
        if (options.all === true) callback(null, addresses.map((each) => ({ ...each })));
        else callback(null, first.address, first.family);
      }, (error) => callback(error instanceof Error ? error : new Error(String(error)), "", 0));
    };
  }

  #limitConnecting(
    outgoing: ClientRequest,
    socket: Socket,
    protocol: string,
    fail: (error: WebhookDeliveryError) => void,
  ): void {
    if (!socket.connecting) return;
    const stopTimer = this.#clock.setTimer(this.#connectTimeoutMs, () => {
      const message = `not connected within ${this.#connectTimeoutMs} ms`;
      fail(new WebhookDeliveryError("connect_timeout", message));
    });
    socket.once(protocol === "https:" ? "secureConnect" : "connect", stopTimer);
    outgoing.once("close", stopTimer);
  }

  #collect(
    response: IncomingMessage,
    resolve: (response: WebhookResponse) => void,
    fail: (error: WebhookDeliveryError) => void,
  ): void {
    const chunks: Bytes[] = [];
    let length = 0;
    response.on("data", (chunk: Bytes) => {
      length += chunk.length;
      if (length > this.#responseLimitBytes) {
        const message = `the answer is longer than ${this.#responseLimitBytes} bytes`;
        fail(new WebhookDeliveryError("response_too_large", message));
      } else {
        chunks.push(chunk);
      }
    });
    response.on("error", (error) => fail(describe(error)));
    response.on("end", () => {
      resolve({ status: response.statusCode ?? 0, body: concatBytes(chunks) });
    });
  }
}

/** A connection that had been kept open was closed by the receiver. */
class StaleConnectionError extends Error {}

function isStale(outgoing: ClientRequest, error: Error): boolean {
  return outgoing.reusedSocket && CLOSED_EARLY.has(codeOf(error));
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Messages of the runtimes have addresses and names in them: only the code is kept. */
function describe(error: Error): WebhookDeliveryError {
  if (error instanceof WebhookDeliveryError) return error;
  const code = codeOf(error);
  if (code === "ABORT_ERR" || error.name === "AbortError") return aborted();
  const text = NETWORK_ERRORS.get(code) ??
    (/^[A-Z][A-Z\d_]*$/.test(code) ? code : "the connection failed");
  return new WebhookDeliveryError("network", text, { cause: error });
}

function aborted(): WebhookDeliveryError {
  return new WebhookDeliveryError("aborted", "no whole answer in time");
}
