import type { Clock } from "../env/clock.ts";
import { CallbackDeadline, DeadlineQueue } from "../env/deadline_queue.ts";
import type { SendMore } from "../env/send_more.ts";
import { ChunkEncoder } from "./chunk_encoder.ts";
import { Connection, type ConnectionParts } from "./connection.ts";
import { ConnectionCounts } from "./connection_counts.ts";
import { encodeErrorBody } from "./error_body.ts";
import type { Handler, HttpResponse } from "./handler.ts";
import { RequestUrls } from "./request_url.ts";
import type { Socket } from "./socket.ts";

const TICK_MS = 5_000;
const HEAD_TIMEOUT_MS = 30_000;
/** For a client to close a connection that is at its end; what it sends meanwhile is thrown away. */
const END_TIMEOUT_MS = 30_000;
const MIN_IDLE_MS = 120_000;
const IDLE_MARGIN_MS = 30_000;
/** All before a body: URL and headers together. */
const HEAD_LIMIT_BYTES = 16 * 1024;

/** This many are told why they are rejected; more are only disconnected. */
export const MAX_REJECTED = 64;

/** How {@link HttpConnections} serve. */
export interface HttpConnectionsOptions {
  readonly handler: Handler;
  readonly clock: Clock;
  /** The longest that a request may go without a byte in either direction by the handler's own limits. */
  readonly longestSilenceMs: number;
  /** How many connections are kept; no limit unless given. */
  readonly maxConnections?: number;
  /** How much the system holds for a socket, by its descriptor, that its client hasn't taken. */
  readonly heldBytes?: ((descriptor: number) => number) | undefined;
  /** Sends what more follows at once, where the system can. */
  readonly sendMore?: SendMore | undefined;
  /** Whether the sockets encrypt: then nothing may go to the system past them. */
  readonly isEncrypted?: boolean;
  /** Where connections are counted. */
  readonly counts?: ConnectionCounts | undefined;
}

/** All connections of a listener: HTTP/1.1 over the sockets it is given. */
export class HttpConnections {
  readonly #parts: ConnectionParts;
  readonly #clock: Clock;
  readonly #connections = new Set<Connection>();
  /** The `Date` header's value, made anew at most once a second. */
  #date = "";
  #dateAtSeconds = 0;
  readonly #maxConnections: number;
  readonly #counts: ConnectionCounts;
  #isStopping = false;
  readonly #deadlines: DeadlineQueue;
  readonly #nextTick = new CallbackDeadline(() => this.#tick());
  /** Called once no request is being answered, where a stop waits for that. */
  #onIdle: (() => void) | undefined;

  constructor(options: HttpConnectionsOptions) {
    const { handler, clock, longestSilenceMs, maxConnections = Infinity } = options;
    const { heldBytes = () => 0, sendMore, isEncrypted = false } = options;
    const { counts = new ConnectionCounts() } = options;
    this.#counts = counts;
    this.#maxConnections = maxConnections;
    this.#clock = clock;
    this.#deadlines = new DeadlineQueue(clock, TICK_MS);
    const idleMs = Math.max(longestSilenceMs + IDLE_MARGIN_MS, MIN_IDLE_MS);
    this.#parts = {
      handler,
      urls: new RequestUrls(isEncrypted),
      chunks: new ChunkEncoder(),
      date: () => this.#dateNow(),
      headLimitBytes: HEAD_LIMIT_BYTES,
      timeouts: {
        headTicks: HEAD_TIMEOUT_MS / TICK_MS,
        idleTicks: Math.ceil(idleMs / TICK_MS),
        quietEndTicks: 1,
        endTicks: END_TIMEOUT_MS / TICK_MS,
      },
      heldBytes,
      sendMore,
      isEncrypted,
      isStopping: () => this.#isStopping,
      timedOut: (reason) => counts.timedOut[reason]++,
    };
  }

  /** Takes over a new client; {@link admit} follows once the connection can be closed. */
  open(socket: Socket): Connection {
    const connection = new Connection(socket, this.#parts);
    this.#connections.add(connection);
    this.#counts.open++;
    if (!this.#nextTick.isQueued) this.#deadlines.add(this.#nextTick, 1);
    return connection;
  }

  /** Rejects a client where there are too many. */
  admit(connection: Connection): void {
    const excess = this.#connections.size - this.#maxConnections;
    if (excess <= 0) {
      this.#counts.accepted++;
      return;
    }
    this.#counts.refused++;
    if (excess <= MAX_REJECTED) connection.reject(tooMany(this.#maxConnections));
    else connection.terminate();
  }

  /** A client has disconnected. */
  close(connection: Connection): void {
    connection.closed();
    if (this.#connections.delete(connection)) this.#counts.open--;
    this.#notifyIdle();
  }

  /** Ends idle connections, and the others once their requests are answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const connection of this.#connections) connection.endIfIdle();
    if (this.#isBusy()) await new Promise<void>((resolve) => this.#onIdle = resolve);
    this.#deadlines.stop();
  }

  /** Looks at all: a deadline for each request would cost more than the request. */
  #tick(): void {
    for (const connection of this.#connections) connection.tick();
    if (this.#connections.size > 0) this.#deadlines.add(this.#nextTick, 1);
  }

  #dateNow(): string {
    const nowMs = this.#clock.nowMs();
    const seconds = Math.floor(nowMs / 1000);
    if (seconds !== this.#dateAtSeconds) {
      this.#dateAtSeconds = seconds;
      this.#date = new Date(nowMs).toUTCString();
    }
    return this.#date;
  }

  #notifyIdle(): void {
    if (this.#onIdle === undefined || this.#isBusy()) return;
    this.#onIdle();
    this.#onIdle = undefined;
  }

  #isBusy(): boolean {
    for (const connection of this.#connections) if (connection.isBusy) return true;
    return false;
  }
}

function tooMany(limit: number): HttpResponse {
  return {
    status: 503,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "retry-after": "1",
      "connection": "close",
    },
    body: encodeErrorBody(
      "too_many_connections",
      `${limit} connections are open already, as many as may: try again.`,
    ),
  };
}
