/** What is used of Bun's global; its own types would be global, in a program that Deno checks too. */
export interface BunRuntime {
  readonly version: string;
  serve(options: BunServeOptions): BunServer;
}

/** What is used of the options of `Bun.serve`. */
export interface BunServeOptions {
  hostname: string;
  port: number;
  fetch: (request: Request, server: BunServer) => Response | Promise<Response>;
  error: (error: unknown) => Response;
  /** Seconds, at most 255; 0 for no limit. */
  idleTimeout: number;
  maxRequestBodySize: number;
  development: boolean;
  reusePort: boolean;
}

/** What is used of what `Bun.serve` returns. */
export interface BunServer {
  readonly port: number;
  readonly pendingRequests: number;
  stop(closeActiveConnections: boolean): Promise<void>;
}

/** Bun's global, or undefined on another runtime. */
export function bunRuntime(): BunRuntime | undefined {
  const bun: unknown = Reflect.get(globalThis, "Bun");
  return isBunRuntime(bun) ? bun : undefined;
}

function isBunRuntime(value: unknown): value is BunRuntime {
  return typeof value === "object" && value !== null && "serve" in value &&
    typeof value.serve === "function" && "version" in value && typeof value.version === "string";
}
