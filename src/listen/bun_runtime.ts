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
}

/** The options of `Bun.listen` that are used. */
export interface BunListenOptions<Data> {
  hostname: string;
  port: number;
  reusePort: boolean;
  socket: {
    open(socket: BunSocket<Data>): void;
    data(socket: BunSocket<Data>, bytes: Bytes): void;
    drain(socket: BunSocket<Data>): void;
    close(socket: BunSocket<Data>): void;
    error(socket: BunSocket<Data>, error: Error): void;
  };
}

/** The part that is used of the value that `Bun.listen` returns. */
export interface BunListener {
  readonly port: number;
  stop(closeActiveConnections: boolean): void;
}

/** The options of `Bun.serve` that are used. */
export interface BunServeOptions {
  hostname: string;
  port: number;
  reusePort: boolean;
  /** Seconds without a byte, after which a connection ends. */
  idleTimeout: number;
  maxRequestBodySize: number;
  development: boolean;
  fetch(request: Request, server: BunServer): Promise<Response>;
  error(error: Error): Response;
}

/** The part that is used of the value that `Bun.serve` returns. */
export interface BunServer {
  readonly port: number;
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
