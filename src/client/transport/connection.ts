import type { Clock } from "../../env/clock.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { ofRequest } from "../errors/client_error.ts";
import { ContentTypes } from "./content_types.ts";
import { type RequestAdditions, withAdditions } from "./headers_option.ts";
import { responseError } from "./response_error.ts";
import { SseAvailability } from "./sse_availability.ts";
import type { StreamUrls } from "./stream_url.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

/** What a request needs beyond the defaults. */
export interface OutgoingRequest {
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
  /** Which attempt of the caller it is; 1 unless given. */
  attempt?: number;
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

/** What is learned of one server. */
interface ServerState {
  readonly types: ContentTypes;
  readonly sseAvailability: SseAvailability;
}

/** What everything that talks to one server shares. */
export interface Connection extends ConnectionParts, ServerState {
  /**
   * Sends a request; resolves to what `read` makes of the answer if it says that it was done (2xx).
   *
   * @throws {ClientError} whatever else happens, with the request's method and URL
   */
  request<T>(
    outgoing: OutgoingRequest,
    read: (response: TransportResponse) => T | Promise<T>,
  ): Promise<T>;
  /** As `ask`, for the answer itself. */
  send(outgoing: OutgoingRequest): Promise<TransportResponse>;
  /** The same connection, whose requests have these headers and parameters too. */
  adding(additions: RequestAdditions): Connection;
}

/** The way to one server. */
export function connect(parts: ConnectionParts): Connection {
  return open({
    ...parts,
    types: new ContentTypes(),
    sseAvailability: new SseAvailability(parts.clock),
  });
}

function open(parts: ConnectionParts & ServerState): Connection {
  const connection: Connection = {
    ...parts,
    async request(outgoing, read) {
      const request: TransportRequest = {
        body: undefined,
        signal: undefined,
        timeoutMs: parts.timeoutMs,
        streaming: false,
        ...outgoing,
        headers: { ...parts.urls.headers, ...outgoing.headers },
      };
      try {
        const response = await parts.transport(request);
        if (response.status >= 200 && response.status < 300) return await read(response);
        await response.stream?.cancel();
        throw responseError(request, response, parts.clock.nowMs());
      } catch (error) {
        throw ofRequest(error, request);
      }
    },
    send: (outgoing) => connection.request(outgoing, (response) => response),
    adding({ headers, query }) {
      if (headers === undefined && query === undefined) return connection;
      const transport = withAdditions({ headers, query })(parts.transport);
      // They may lead to other streams of the same names.
      return open({ ...parts, transport, types: new ContentTypes() });
    },
  };
  return connection;
}
