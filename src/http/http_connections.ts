import type { Clock } from "../env/clock.ts";
import { ChunkEncoder } from "./chunk_encoder.ts";
import { Connection, type ConnectionParts } from "./connection.ts";
import type { Handler } from "./exchange.ts";
import { RequestUrls } from "./request_url.ts";
import type { Socket } from "./socket.ts";

const SWEEP_MS = 5_000;
const HEAD_TIMEOUT_MS = 30_000;
/** For a client to close a connection that is at its end; what it sends meanwhile is thrown away. */
const END_TIMEOUT_MS = 30_000;
const SHORTEST_IDLE_MS = 120_000;
const SPARE_MS = 30_000;
/** All before a body: URL and headers together. */
const HEAD_LIMIT_BYTES = 16 * 1024;

/** What {@link HttpConnections} are made of. */
export interface HttpConnectionsOptions {
  readonly handler: Handler;
  readonly clock: Clock;
  /** The longest that a request may go without a byte in either direction by the handler's own limits. */
  readonly longestSilenceMs: number;
  /** How much the system holds for a socket, by its descriptor, that its client hasn't taken. */
  readonly heldBytes?: ((descriptor: number) => number) | undefined;
}

/** All connections of a listener: HTTP/1.1 over the sockets it is given. */
export class HttpConnections {
  readonly #parts: ConnectionParts;
  readonly #clock: Clock;
  readonly #connections = new Set<Connection>();
  /** The `Date` header's value, made anew at most once a second. */
  #date = "";
  #dateAtSeconds = 0;
  #isStopping = false;
  #cancelSweep: (() => void) | undefined;
  /** Called once nobody is answered any more, where a stop waits for that. */
  #onIdle: (() => void) | undefined;

  constructor(options: HttpConnectionsOptions) {
    const { handler, clock, longestSilenceMs, heldBytes = () => 0 } = options;
    this.#clock = clock;
    const idleMs = Math.max(longestSilenceMs + SPARE_MS, SHORTEST_IDLE_MS);
    this.#parts = {
      handler,
      urls: new RequestUrls(),
      chunks: new ChunkEncoder(),
      date: () => this.#dateNow(),
      headLimitBytes: HEAD_LIMIT_BYTES,
      patience: {
        headSweeps: HEAD_TIMEOUT_MS / SWEEP_MS,
        idleSweeps: Math.ceil(idleMs / SWEEP_MS),
        quietEndSweeps: 1,
        endSweeps: END_TIMEOUT_MS / SWEEP_MS,
      },
      heldBytes,
      isStopping: () => this.#isStopping,
    };
  }

  /** Takes over a client that has come. */
  open(socket: Socket): Connection {
    const connection = new Connection(socket, this.#parts);
    this.#connections.add(connection);
    this.#sweepLater();
    return connection;
  }

  /** Says that a client is gone. */
  close(connection: Connection): void {
    connection.closed();
    this.#connections.delete(connection);
    this.#settle();
  }

  /** Ends those that nobody waits for, and the others once they are answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const connection of this.#connections) connection.endIfIdle();
    if (this.#isBusy()) await new Promise<void>((resolve) => this.#onIdle = resolve);
    this.#cancelSweep?.();
  }

  /** One look at all: a timer for each request would cost more than the request. */
  #sweepLater(): void {
    this.#cancelSweep ??= this.#clock.setTimer(SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      for (const connection of this.#connections) connection.sweep();
      if (this.#connections.size > 0) this.#sweepLater();
    });
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

  #settle(): void {
    if (this.#onIdle === undefined || this.#isBusy()) return;
    this.#onIdle();
    this.#onIdle = undefined;
  }

  #isBusy(): boolean {
    for (const connection of this.#connections) if (connection.isBusy) return true;
    return false;
  }
}
