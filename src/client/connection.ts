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

/** What everything that talks to one server needs. */
export interface ConnectionParts {
  readonly urls: StreamUrls;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long an answer may take. */
  readonly timeoutMs: number;
  /** How long a live read may be silent before it is taken for dead. */
  readonly liveTimeoutMs: number;
}

/** What everything that talks to one server shares. */
export interface Connection extends ConnectionParts {
  /**
   * Sends a request; resolves to the answer if it says that it was done (2xx).
   *
   * @throws {ClientError} whatever else happens
   */
  send(outgoing: Outgoing): Promise<TransportResponse>;
}

/** The way to one server. */
export function connect(parts: ConnectionParts): Connection {
  return {
    ...parts,
    async send(outgoing) {
      const request: TransportRequest = {
        headers: {},
        body: undefined,
        signal: undefined,
        timeoutMs: parts.timeoutMs,
        streaming: false,
        ...outgoing,
      };
      const response = await parts.transport(request);
      if (response.status >= 200 && response.status < 300) return response;
      await response.stream?.cancel();
      throw refusal(request, response, parts.clock.nowMs());
    },
  };
}
