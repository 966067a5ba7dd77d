import { createServer, type Server, Socket } from "node:net";
import process from "node:process";
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type Server as TlsServer,
  type TLSSocket,
} from "node:tls";
import { getLogger } from "@logtape/logtape";
import { systemClock } from "../env/clock.ts";
import { hasFreeDescriptor } from "../env/free_descriptor.ts";
import { ConnectionCounts } from "../http/connection_counts.ts";
import { HttpConnections, MAX_REJECTED } from "../http/connections.ts";
import { AcceptWarning } from "./accept_warning.ts";
import type { Listener, ResolvedListenOptions } from "./listener.ts";
import { NetSocket } from "./net_socket.ts";
import {
  checkReplacement,
  HANDSHAKE_TIMEOUT_MS,
  OWN_PROTOCOL,
  PLAIN_RESPONSE,
  speaksNoTls,
  type TlsOptions,
} from "./tls.ts";

const log = getLogger(["durable-streams", "http"]);

const BACKLOG = 511;
const CHECK_EVERY_MS = 1_000;
/** The message of a handshake that has taken too long: Deno gives no code. */
const HANDSHAKE_TIMEOUT = "TLS handshake timeout";

/** Listens with `node:net`, or `node:tls`, and speaks HTTP itself. */
export async function listenOnNet(options: ResolvedListenOptions): Promise<Listener> {
  const listener = new NetListener(options);
  await listener.start();
  return listener;
}

class NetListener implements Listener {
  readonly #options: ResolvedListenOptions;
  readonly #connections: HttpConnections;
  readonly #counts: ConnectionCounts;
  #port: number;
  #server: Server | undefined;
  #tls: TlsOptions | undefined;
  #tlsServer: TlsServer | undefined;
  /** Connections of TCP that TLS goes over or is to. */
  #rawConnections = 0;
  #isStopping = false;
  /** On Deno `node:net` silently accepts nobody any more once that has failed for want of a descriptor. */
  readonly #mayStall = process.versions["deno"] !== undefined;
  #mayHaveStalled = false;
  #cancelCheck: (() => void) | undefined;
  readonly #warning = new AcceptWarning();

  constructor(options: ResolvedListenOptions) {
    const { handler, longestSilenceMs, maxConnections, counts = new ConnectionCounts() } = options;
    this.#counts = counts;
    this.#options = options;
    this.#tls = options.tls;
    this.#port = options.port;
    this.#connections = new HttpConnections({
      handler,
      longestSilenceMs,
      maxConnections,
      clock: systemClock,
      isEncrypted: options.tls !== undefined,
      counts,
    });
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    await this.#listen();
    if (this.#mayStall) this.#scheduleCheck();
  }

  setCertificate(next: TlsOptions): void {
    const tls = checkReplacement(this.#tls, next);
    this.#tls = tls;
    this.#tlsServer?.setSecureContext(contextOptions(tls));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelCheck?.();
    this.#server?.close();
    await this.#connections.stop();
  }

  async #listen(): Promise<void> {
    const server = this.#createServer();
    this.#port = await startListening(server, { ...this.#options, port: this.#port });
    server.on("error", (error) => this.#warning.warn(error.message));
    if (this.#isStopping) server.close();
    else this.#server = server;
  }

  #createServer(): Server {
    const options = { allowHalfOpen: true, noDelay: true };
    const tls = this.#tls;
    if (tls === undefined) {
      return createServer(options, (socket) => {
        if (!this.#isOutOfDescriptors(socket)) this.#accept(socket);
      });
    }
    const server = createTlsServer({
      ...options,
      ...contextOptions(tls),
      ALPNProtocols: [OWN_PROTOCOL],
      handshakeTimeout: this.#options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
      requestCert: tls.ca !== undefined,
      rejectUnauthorized: true,
    }, (socket) => this.#accept(socket));
    server.on("connection", (socket: Socket) => this.#limitHandshakes(socket));
    server.on("tlsClientError", (error, socket) => {
      if (error.message === HANDSHAKE_TIMEOUT) this.#counts.timedOut.handshake++;
      endFailedHandshake(error, socket);
    });
    this.#tlsServer = server;
    return server;
  }

  /** Those that haven't agreed on TLS yet count as connections. */
  #limitHandshakes(socket: Socket): void {
    this.#rawConnections++;
    socket.on("close", () => this.#rawConnections--);
    if (this.#isOutOfDescriptors(socket)) return;
    if (this.#rawConnections <= this.#options.maxConnections + MAX_REJECTED) return;
    this.#counts.refused++;
    socket.destroy();
  }

  /** It has got the last one: ended, it leaves that to whoever is next. */
  #isOutOfDescriptors(socket: Socket): boolean {
    if (!this.#mayStall || hasFreeDescriptor()) return false;
    this.#mayHaveStalled = true;
    this.#counts.refused++;
    if (this.#canReset) socket.resetAndDestroy();
    else socket.destroy();
    return true;
  }

  get #canReset(): boolean {
    return this.#tls === undefined && this.#options.path === undefined;
  }

  #accept(socket: Socket): void {
    const connection = this.#connections.open(new NetSocket(socket, this.#canReset));
    // Text comes only of a socket that was told an encoding.
    socket.on("data", (bytes) => typeof bytes !== "string" && connection.received(bytes));
    socket.on("drain", () => connection.drained());
    // A client that sends nothing more is treated as disconnected.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => this.#connections.close(connection));
    // Its close follows.
    socket.on("error", () => {});
    this.#connections.admit(connection);
  }

  #scheduleCheck(): void {
    this.#cancelCheck = systemClock.setTimer(CHECK_EVERY_MS, () => {
      void this.#checkStalled().finally(() => {
        if (!this.#isStopping) this.#scheduleCheck();
      });
    });
  }

  async #checkStalled(): Promise<void> {
    const hasSpare = hasFreeDescriptor();
    if (!hasSpare) this.#mayHaveStalled = true;
    if (!this.#mayHaveStalled || !hasSpare) return;
    this.#warning.warn("there were no descriptors left");
    this.#server?.close();
    this.#server = undefined;
    try {
      await this.#listen();
      this.#mayHaveStalled = false;
    } catch (error) {
      this.#warning.warn(error instanceof Error ? error.message : String(error));
    }
  }
}

/** At a time-out nobody else ends it. */
function endFailedHandshake(error: Error, socket: TLSSocket): void {
  if (!speaksNoTls(error)) return void socket.destroy();
  log.debug("a client spoke plain HTTP to a port of TLS, or nothing known");
  // The connection below TLS, which Node tells nobody of; on Deno it has ended by now.
  const raw: unknown = Reflect.get(socket, "_parent");
  if (raw instanceof Socket && raw.writable) raw.end(PLAIN_RESPONSE, () => socket.destroy());
  else socket.destroy();
}

function contextOptions({ cert, key, ca }: TlsOptions): SecureContextOptions {
  return { cert, key, minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) };
}

function startListening(server: Server, options: ResolvedListenOptions): Promise<number> {
  const { host, port, isShared, path } = options;
  const address = path === undefined
    ? { host, port, reusePort: isShared, exclusive: true }
    : { path };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...address, backlog: BACKLOG }, () => {
      server.off("error", reject);
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : port);
    });
  });
}
