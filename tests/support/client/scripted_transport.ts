import { ClientError } from "../../../src/client/errors/client_error.ts";
import type {
  Transport,
  TransportRequest,
  TransportResponse,
} from "../../../src/client/transport/transport.ts";
import { NO_BYTES } from "../../../src/protocol/bytes.ts";
import type { Fields } from "../fixture.ts";

/** What becomes of a request: `lose` does it and loses the answer, `refuse` loses the request. */
export type RequestOutcome =
  | "pass"
  | "refuse"
  | "lose"
  | "duplicate"
  | { status: number; headers?: Fields; text?: string; done?: boolean };

/** A transport that does to each request what a test says, and remembers what was sent. */
export class ScriptedTransport {
  readonly requests: TransportRequest[] = [];
  /** What becomes of the request, the first of them being number 0. */
  script: (request: TransportRequest, number: number) => RequestOutcome | Promise<RequestOutcome> =
    () => "pass";
  /** Called as an answer is on its way back. */
  onResponse: (request: TransportRequest) => void | Promise<void> = () => {};
  /** The most requests that were under way at once. */
  maxConcurrent = 0;
  readonly #next: Transport;
  #concurrent = 0;

  constructor(next: Transport) {
    this.#next = next;
  }

  readonly send: Transport = async (request) => {
    const number = this.requests.push(request) - 1;
    this.maxConcurrent = Math.max(this.maxConcurrent, ++this.#concurrent);
    try {
      const response = await unlessAborted(request, this.#respond(request, number));
      await unlessAborted(request, Promise.resolve(this.onResponse(request)));
      return response;
    } finally {
      this.#concurrent--;
    }
  };

  /** The bodies of all appends, as text. */
  get bodies(): string[] {
    return this.appends.map(({ body }) => new TextDecoder().decode(body));
  }

  /** The appends and closes. */
  get appends(): TransportRequest[] {
    return this.requests.filter(({ method }) => method === "POST");
  }

  /** `epoch/seq` of all appends. */
  get sequence(): string[] {
    return this.appends.map(({ headers }) =>
      `${headers["producer-epoch"]}/${headers["producer-seq"]}`
    );
  }

  async #respond(request: TransportRequest, number: number): Promise<TransportResponse> {
    const outcome = await this.script(request, number);
    if (outcome === "refuse") throw noResponse();
    if (typeof outcome === "object") {
      if (outcome.done) await this.#do(request);
      return {
        status: outcome.status,
        headers: new Headers(outcome.headers),
        body: outcome.text === undefined ? NO_BYTES : new TextEncoder().encode(outcome.text),
        stream: undefined,
      };
    }
    if (outcome === "duplicate") await this.#do(request);
    const response = await this.#do(request);
    if (outcome === "lose") throw noResponse();
    return response;
  }

  /** What arrived is done, whoever gives it up. */
  #do(request: TransportRequest): Promise<TransportResponse> {
    return this.#next({ ...request, signal: undefined });
  }
}

function noResponse(): ClientError {
  return new ClientError("network", "The connection was reset.");
}

function unlessAborted<T>({ signal }: TransportRequest, promise: Promise<T>): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}
