import type { Handler } from "../http/handler.ts";
import type { Address } from "./listen_error.ts";

/** Which HTTP implementation serves: this program's own, or that of the runtime. */
export type HttpKind = "own" | "runtime";

/** How a server listens and serves. */
export interface ListenOptions extends Address {
  handler: Handler;
  /** The longest that a request may go without a byte in either direction by the app's own limits. */
  longestSilenceMs: number;
  http: HttpKind;
  /** How many connections may be open at once; only the program's own HTTP knows such a limit. */
  maxConnections: number;
  /** Whether other threads listen on the same port. */
  isShared: boolean;
}

/** A server, listening. */
export interface Listener {
  readonly port: number;
  /** Takes no new connections from now on; resolves when the requests in flight are answered. */
  stop(): Promise<void>;
}
