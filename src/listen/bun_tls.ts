import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../env/clock.ts";
import { CallbackDeadline, DeadlineQueue } from "../env/deadline_queue.ts";
import type { Connection } from "../http/connection.ts";
import type { ConnectionCounts } from "../http/connection_counts.ts";
import { type HttpConnections, MAX_REJECTED } from "../http/connections.ts";
import type { BunSocket, BunSocketHandlers, BunTlsContext } from "./bun_runtime.ts";
import {
  checkReplacement,
  HANDSHAKE_TIMEOUT_MS,
  OWN_PROTOCOL,
  speaksNoTls,
  type TlsOptions,
} from "./tls.ts";

const log = getLogger(["durable-streams", "http"]);

const TICK_MS = 1_000;

/** As TLS lists protocols: each behind its length. */
const ALPN_PROTOCOLS = Buffer.from([OWN_PROTOCOL.length, ...Buffer.from(OWN_PROTOCOL)]);

/** What {@link BunTls} works with. */
export interface BunTlsOptions {
  readonly connections: HttpConnections;
  readonly clock: Clock;
  /** Connections that haven't agreed on TLS yet count, too. */
  readonly maxConnections: number;
  readonly counts?: ConnectionCounts | undefined;
}

/** A connection of TCP and what becomes of it. */
interface TlsConnection {
  /** Once both sides have agreed. */
  connection: Connection | undefined;
  readonly deadline: CallbackDeadline;
}

/** Makes connections of TLS of those that a listener of Bun takes. */
export class BunTls {
  readonly #options: BunTlsOptions;
  readonly #deadlines: DeadlineQueue;
  readonly #handlers: BunSocketHandlers<TlsConnection>;
  #tls: TlsOptions;
  #context: BunTlsContext;
  /** How many are open, whether they have agreed on TLS or not. */
  #openConnections = 0;

  constructor(tls: TlsOptions, options: BunTlsOptions) {
    this.#options = options;
    this.#deadlines = new DeadlineQueue(options.clock, TICK_MS);
    this.#tls = tls;
    this.#context = contextOf(tls);
    const { connections } = options;
    this.#handlers = {
      handshake: (socket, isDone, error) => this.#handshake(socket, isDone, error),
      data: (socket, bytes) => socket.data.connection?.received(bytes),
      drain: (socket) => socket.data.connection?.drained(),
      close(socket) {
        const { connection, deadline } = socket.data;
        deadline.cancel();
        if (connection !== undefined) connections.close(connection);
      },
      // Its close follows.
      error() {},
    };
  }

  /** @throws {RangeError} where the certificate is faulty */
  setCertificate(next: TlsOptions): void {
    const tls = checkReplacement(this.#tls, next);
    this.#tls = tls;
    this.#context = contextOf(tls);
  }

  /** Takes over a new client of TCP; {@link closed} follows once it is gone. */
  accept(socket: BunSocket<undefined>): void {
    const { counts } = this.#options;
    this.#openConnections++;
    if (this.#openConnections > this.#options.maxConnections + MAX_REJECTED) {
      if (counts !== undefined) counts.refused++;
      return socket.terminate();
    }
    const deadline = new CallbackDeadline(() => {
      if (counts !== undefined) counts.timedOut.handshake++;
      encrypted.terminate();
    });
    this.#deadlines.add(deadline, HANDSHAKE_TIMEOUT_MS / TICK_MS);
    const [, encrypted] = socket.upgradeTLS<TlsConnection>({
      isServer: true,
      tls: this.#context,
      data: { connection: undefined, deadline },
      socket: this.#handlers,
    });
  }

  /** A client of TCP is gone. */
  closed(): void {
    this.#openConnections--;
  }

  /** Ends what waits for a time. */
  stop(): void {
    this.#deadlines.stop();
  }

  #handshake(socket: BunSocket<TlsConnection>, isDone: boolean, error: Error | null): void {
    socket.data.deadline.cancel();
    // Without authorities of clients, each certificate is by an unknown one.
    if (!isDone || (this.#context.requestCert && error)) {
      if (!isDone && speaksNoTls(error)) {
        log.debug("a client spoke plain HTTP to a port of TLS, or nothing known");
      }
      return socket.terminate();
    }
    const { connections } = this.#options;
    socket.data.connection = connections.open(socket);
    connections.admit(socket.data.connection);
  }
}

/** TLS 1.2 is the oldest that Bun speaks. */
function contextOf({ cert, key, ca }: TlsOptions): BunTlsContext {
  return {
    cert,
    key,
    ALPNProtocols: ALPN_PROTOCOLS,
    requestCert: ca !== undefined,
    rejectUnauthorized: ca !== undefined,
    ...(ca === undefined ? {} : { ca }),
  };
}
