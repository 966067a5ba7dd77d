import type { Handler } from "../http/handler.ts";
import type { Address } from "./listen_error.ts";

/** Who speaks HTTP: this program, or the server of the runtime that it runs on. */
export type HttpKind = "own" | "runtime";

/** What a server is to do. */
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
