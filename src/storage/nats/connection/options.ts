import type { Clock } from "../../../env/clock.ts";
import { readTextFile } from "../../../env/text_file.ts";

/** How the servers of a cluster are reached. */
export interface NatsOptions {
  /**
   * Where they listen: `nats://host:4222` or `tls://host:4222`, with `user:password@` or `token@` before the
   * host where that is asked for.
   */
  readonly servers: readonly string[];
  /** What the servers' own lists of connections call this one. */
  readonly name?: string | undefined;
  /** A file of a user's JWT and seed, as `nsc` writes it. */
  readonly credentialsFile?: string | undefined;
  /** A file that has the seed of an nkey. */
  readonly nkeyFile?: string | undefined;
  readonly tls?: NatsTlsOptions | undefined;
  /** What the subjects of answers begin with; `_INBOX`. */
  readonly inboxPrefix?: string | undefined;
  /** The servers' monitoring ports, `http://host:8222`: they tell how what is stored is synced. */
  readonly monitorUrls?: readonly string[] | undefined;
  /** How long an answer is waited for, in ms; 5 s. */
  readonly timeoutMs?: number | undefined;
  /** How long one server is given for a connection, in ms; 2 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long the first connection is tried for, in ms; 10 s. */
  readonly firstConnectionMs?: number | undefined;
  /** How many bytes of messages may be on their way at once; 32 MiB. More wait. */
  readonly limitInFlightBytes?: number | undefined;
  readonly clock?: Clock | undefined;
  /** A number from 0 up to 1; `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Told when a connection has come about, has ended, or couldn't be made. */
  readonly onEvent?: ((event: ConnectionEvent) => void) | undefined;
}

/** Files of certificates, in PEM. */
export interface NatsTlsOptions {
  /** Who is trusted, instead of whom the machine trusts. */
  readonly caFile?: string | undefined;
  /** Who this is. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** What became of the connection. */
export type ConnectionEvent =
  | { readonly kind: "connected"; readonly server: string; readonly version: string }
  | { readonly kind: "disconnected"; readonly server: string; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly retryInMs: number }
  | { readonly kind: "forbidden"; readonly reason: string };

/** One server: where it is and who asks. */
export interface NatsServerAddress {
  /** `host:port`, and no secrets. */
  readonly address: string;
  readonly isTls: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

const DEFAULT_PORT = "4222";
const LIMIT_FILE_BYTES = 64 * 1024;

/**
 * The address and the secrets of a server's URL.
 *
 * @throws {RangeError} where it is none; the message shows no secrets
 */
export function parseServerUrl(url: string): NatsServerAddress {
  const shown = url.replace(/^([a-z]+:\/\/)?.*@/s, "$1…@");
  const match = /^(nats|tls):\/\/(.*)$/.exec(url.includes("://") ? url : `nats://${url}`);
  const parsed = match === null ? undefined : tryParse(`http://${match[2]}`);
  if (
    parsed === undefined || parsed.hostname === "" || parsed.pathname !== "/" ||
    parsed.search !== "" || parsed.hash !== ""
  ) {
    throw new RangeError(
      `"${shown}" is no server of NATS; one is nats://host:4222 or tls://host:4222`,
    );
  }
  // A URL of HTTP drops its own usual port.
  const port = parsed.port !== "" ? parsed.port : /:80\/?$/.test(url) ? "80" : DEFAULT_PORT;
  const user = decodeURIComponent(parsed.username);
  const password = decodeURIComponent(parsed.password);
  const place = { address: `${parsed.hostname}:${port}`, isTls: match?.[1] === "tls" };
  if (password !== "") return { ...place, user, password };
  return user === "" ? place : { ...place, token: user };
}

function tryParse(url: string): URL | undefined {
  try {
    const parsed = new URL(url);
    decodeURIComponent(parsed.username + parsed.password);
    return parsed;
  } catch {
    return undefined;
  }
}

/**
 * The text of a file with secrets.
 *
 * @throws {RangeError} where it can't be read; the message names it
 */
export function readSecret(what: string, path: string): string {
  try {
    return readTextFile(path, LIMIT_FILE_BYTES);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RangeError(`the ${what} can't be read from ${path}: ${reason}`);
  }
}
