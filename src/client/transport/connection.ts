import type { Clock } from "../../env/clock.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { ofRequest } from "../errors/client_error.ts";
import { ContentTypes } from "./content_types.ts";
import { type RequestAdditions, withAdditions } from "./headers_option.ts";
import { responseError } from "./response_error.ts";
import { SseAvailability } from "./sse_availability.ts";
import type { StreamUrls } from "./stream_url.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

/** A request, without the defaults. */
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
  /** The caller retries by itself, so that the transport must not. */
  retriedByCaller?: boolean;
  /** The number of the caller's attempt; 1 unless given. */
  attempt?: number;
}

/** The parts of a {@link Connection} that are given. */
export interface ConnectionParts {
  readonly urls: StreamUrls;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long a response may take. */
  readonly timeoutMs: number;
  /** How long a live read may be silent before it is treated as disconnected. */
  readonly liveTimeoutMs: number;
}

/** The known facts about one server. */
interface ServerState {
  readonly types: ContentTypes;
  readonly sseAvailability: SseAvailability;
}

/** The connection to one server, which its readers, writers and producers share. */
export interface Connection extends ConnectionParts, ServerState {
  /**
   * Sends a request; resolves to what `read` makes of a successful (2xx) response.
   *
   * @throws {ClientError} for any other result, with the request's method and URL
   */
  request<T>(
    outgoing: OutgoingRequest,
    read: (response: TransportResponse) => T | Promise<T>,
  ): Promise<T>;
  /** As `request`; resolves to the response itself. */
  send(outgoing: OutgoingRequest): Promise<TransportResponse>;
  /** The same connection, with these headers and parameters added to its requests. */
  adding(additions: RequestAdditions): Connection;
}

/** Makes the connection to one server. */
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
      // They may select other streams of the same names.
      return open({ ...parts, transport, types: new ContentTypes() });
    },
  };
  return connection;
}
