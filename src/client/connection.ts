import type { Clock } from "../env/clock.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { refusal } from "./refusal.ts";
import type { StreamUrls } from "./stream_url.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

/** What a request needs beyond the defaults. */
export interface Outgoing {
  method: TransportRequest["method"];
  url: string;
  headers?: Record<string, string>;
  body?: Bytes | undefined;
  signal?: AbortSignal | undefined;
  /** The client's `timeoutMs` unless given. */
  timeoutMs?: number;
  streaming?: boolean;
  repeatable: boolean;
  /** The caller asks again by itself; no retry below it adds its own waits to that. */
  retriedByCaller?: boolean;
}

/** What everything that talks to one server shares. */
export class Connection {
  readonly urls: StreamUrls;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long an answer may take. */
  readonly timeoutMs: number;
  /** How long a live read may be silent before it is taken for dead. */
  readonly liveTimeoutMs: number;
  readonly #transport: Transport;

  constructor(parts: {
    urls: StreamUrls;
    transport: Transport;
    clock: Clock;
    random: () => number;
    timeoutMs: number;
    liveTimeoutMs: number;
  }) {
    this.urls = parts.urls;
    this.clock = parts.clock;
    this.random = parts.random;
    this.timeoutMs = parts.timeoutMs;
    this.liveTimeoutMs = parts.liveTimeoutMs;
    this.#transport = parts.transport;
  }

  /**
   * Sends a request; resolves to the answer if it says that it was done (2xx).
   *
   * @throws {ClientError} whatever else happens
   */
  async send(outgoing: Outgoing): Promise<TransportResponse> {
    const request: TransportRequest = {
      method: outgoing.method,
      url: outgoing.url,
      headers: outgoing.headers ?? {},
      body: outgoing.body,
      signal: outgoing.signal,
      timeoutMs: outgoing.timeoutMs ?? this.timeoutMs,
      streaming: outgoing.streaming ?? false,
      repeatable: outgoing.repeatable,
      retriedByCaller: outgoing.retriedByCaller ?? false,
    };
    const response = await this.#transport(request);
    if (response.status >= 200 && response.status < 300) return response;
    await response.stream?.cancel();
    throw refusal(request, response, this.clock.nowMs());
  }
}
