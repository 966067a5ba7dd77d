import type { Bytes } from "../protocol/bytes.ts";
import type { Socket } from "../http/socket.ts";

/** The part of Bun's global that is used; its own types would be global, in a program that Deno checks too. */
export interface BunRuntime {
  readonly version: string;
  listen<Data>(options: BunListenOptions<Data>): BunListener;
  serve(options: BunServeOptions): BunServer;
}

/** The part of a socket that is used, with the data that belongs to it here. */
export interface BunSocket<Data> extends Socket {
  data: Data;
  /**
   * Has TLS over this connection; the socket's own handlers see nothing more but its close, and its own
   * methods do nothing any more.
   */
  upgradeTLS<TlsData>(
    options: BunUpgradeOptions<TlsData>,
  ): readonly [raw: unknown, encrypted: BunSocket<TlsData>];
}

/** The options of `upgradeTLS` that are used. */
export interface BunUpgradeOptions<Data> {
  isServer: true;
  tls: BunTlsContext;
  data: Data;
  socket: BunSocketHandlers<Data>;
}

/** A certificate and what goes with it, as PEM. */
export interface BunTlsContext {
  cert: string;
  key: string;
  ca?: string;
  requestCert: boolean;
  rejectUnauthorized: boolean;
  /** As in the protocol: each name behind its length. */
  ALPNProtocols?: Uint8Array;
}

/** Called as things happen to a socket. */
export interface BunSocketHandlers<Data> {
  open?(socket: BunSocket<Data>): void;
  /** @param error why the other side's certificate isn't to be trusted, where it isn't */
  handshake?(socket: BunSocket<Data>, isDone: boolean, error: Error | null): void;
  data?(socket: BunSocket<Data>, bytes: Bytes): void;
  drain(socket: BunSocket<Data>): void;
  close(socket: BunSocket<Data>): void;
  error(socket: BunSocket<Data>, error: Error): void;
}

/** The options of `Bun.listen` that are used. */
export interface BunListenOptions<Data> {
  hostname?: string;
  port?: number;
  reusePort?: boolean;
  /** A path, in place of those. */
  unix?: string;
  socket: BunSocketHandlers<Data>;
}

/** The part that is used of the value that `Bun.listen` returns. */
export interface BunListener {
  /** Not where it listens at a path. */
  readonly port?: number | undefined;
  stop(closeActiveConnections: boolean): void;
}

/** The options of `Bun.serve` that are used. */
export interface BunServeOptions {
  hostname?: string;
  port?: number;
  reusePort?: boolean;
  /** A path, in place of those. */
  unix?: string;
  tls?: BunTlsContext;
  http2?: boolean;
  /** Seconds without a byte, after which a connection ends. */
  idleTimeout: number;
  maxRequestBodySize: number;
  development: boolean;
  fetch(request: Request, server: BunServer): Promise<Response>;
  error(error: Error): Response;
}

/** The part that is used of the value that `Bun.serve` returns. */
export interface BunServer {
  /** Not where it listens at a path. */
  readonly port?: number | undefined;
  /** Who is connected. */
  requestIP(request: Request): { readonly address: string } | null;
  /** Gives a request's connection another idle time-out; 0 for none. */
  timeout(request: Request, seconds: number): void;
  /** Resolves once the requests in flight are answered. */
  stop(closeActiveConnections: boolean): Promise<void>;
}

/** Bun's global, or undefined on another runtime. */
export function bunRuntime(): BunRuntime | undefined {
  const bun: unknown = Reflect.get(globalThis, "Bun");
  return isBunRuntime(bun) ? bun : undefined;
}

function isBunRuntime(value: unknown): value is BunRuntime {
  return typeof value === "object" && value !== null && "listen" in value &&
    typeof value.listen === "function" && "serve" in value && typeof value.serve === "function" &&
    "version" in value && typeof value.version === "string";
}
