import type { Bytes } from "../protocol/bytes.ts";
import type { Socket } from "../http/socket.ts";

/** What is used of Bun's global; its own types would be global, in a program that Deno checks too. */
export interface BunRuntime {
  readonly version: string;
  listen<Data>(options: BunListenOptions<Data>): BunListener;
}

/** What is used of a socket, with what belongs to it here. */
export interface BunSocket<Data> extends Socket {
  data: Data;
}

/** What is used of the options of `Bun.listen`. */
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

/** What is used of what `Bun.listen` returns. */
export interface BunListener {
  readonly port: number;
  stop(closeActiveConnections: boolean): void;
}

/** Bun's global, or undefined on another runtime. */
export function bunRuntime(): BunRuntime | undefined {
  const bun: unknown = Reflect.get(globalThis, "Bun");
  return isBunRuntime(bun) ? bun : undefined;
}

function isBunRuntime(value: unknown): value is BunRuntime {
  return typeof value === "object" && value !== null && "listen" in value &&
    typeof value.listen === "function" && "version" in value && typeof value.version === "string";
}
