/** The part of Deno's global that is used; its own types would be global, in a package that others compile too. */
export interface DenoRuntime {
  serve(
    options: DenoServeOptions,
    handler: (request: Request, info: DenoRequestInfo) => DenoResponse,
  ): DenoServer;
}

/** The part that is used of what `Deno.serve` knows beside a request. */
export interface DenoRequestInfo {
  /** Made when it is asked for. */
  readonly remoteAddr: { readonly hostname?: string };
}

type DenoResponse = Response | Promise<Response>;

/** The options of `Deno.serve` that are used. */
export interface DenoServeOptions {
  hostname: string;
  port: number;
  reusePort: boolean;
  automaticCompression: boolean;
  onListen(): void;
  onError(error: unknown): DenoResponse;
}

/** The part that is used of the value that `Deno.serve` returns. */
export interface DenoServer {
  readonly addr: { readonly port: number };
  /** Settles once it listens no more. */
  readonly finished: Promise<void>;
  /** Resolves once the requests in flight are answered. */
  shutdown(): Promise<void>;
}

/** Deno's global, or undefined on another runtime. */
export function denoRuntime(): DenoRuntime | undefined {
  const deno: unknown = Reflect.get(globalThis, "Deno");
  return isDenoRuntime(deno) ? deno : undefined;
}

function isDenoRuntime(value: unknown): value is DenoRuntime {
  return typeof value === "object" && value !== null && "serve" in value &&
    typeof value.serve === "function";
}
