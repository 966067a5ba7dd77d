import type { ConnectionCounts } from "../http/connection_counts.ts";
import type { Handler } from "../http/handler.ts";
import type { Address } from "./listen_error.ts";
import type { TlsOptions } from "./tls.ts";

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
  /** Where connections are counted; those of the runtimes' own servers aren't. */
  counts?: ConnectionCounts | undefined;
  /** Whether other threads listen on the same port. */
  isShared: boolean;
  /** Its certificate, where it speaks TLS. */
  tls?: TlsOptions;
  /** For a connection to become one of TLS; 10 seconds unless given. */
  handshakeTimeoutMs?: number;
  /** The rights of a socket in the file system; 0660 unless given. */
  socketMode?: number;
}

/** {@link ListenOptions} whose host is an address, or a path. */
export interface ResolvedListenOptions extends ListenOptions {
  /** Of a socket in the file system; then host and port mean nothing. */
  path: string | undefined;
}

/** A server, listening. */
export interface Listener {
  /** 0 for a socket in the file system. */
  readonly port: number;
  /**
   * Gives this certificate to whoever connects from now on, where the listener has one. Connections that
   * are open go on.
   *
   * @throws {Error} where that isn't possible, and then the certificate is the one before
   */
  setCertificate(tls: TlsOptions): void | Promise<void>;
  /** Takes no new connections from now on; resolves when the requests in flight are answered. */
  stop(): Promise<void>;
}
