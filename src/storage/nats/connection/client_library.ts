import type { Authenticator, ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { encodeUtf8 } from "../../../protocol/bytes.ts";
import { JetStreamError } from "../jetstream.ts";
import { hearSockets } from "./heard_sockets.ts";
import { type NatsOptions, type NatsServerAddress, readSecret } from "./options.ts";

/** The client library, whose one import this is: nobody else waits for it or has it in memory. */
export type ClientLibrary = typeof import("@nats-io/transport-node");

/**
 * Loads it: some 100 ms on Node and Bun, 300 on Deno.
 *
 * @throws {JetStreamError} `unsuitable` where it isn't installed: npm leaves it out on Node before 22, which one
 * of its own packages asks for
 */
export async function loadClientLibrary(): Promise<ClientLibrary> {
  try {
    return await import("@nats-io/transport-node");
  } catch (error) {
    throw notInstalled(error);
  }
}

/** What is compiled without the package is compiled all the same, as long as each import is in a `try`. */
async function loadTransport() {
  try {
    return await import("@nats-io/transport-node/lib/node_transport.js");
  } catch (error) {
    throw notInstalled(error);
  }
}

function notInstalled(cause: unknown): JetStreamError {
  const message =
    "The storage on NATS needs the package @nats-io/transport-node, which isn't installed: " +
    "npm install @nats-io/transport-node@3.4.0";
  return new JetStreamError("unsuitable", message, { cause });
}

/**
 * Connects as the library's own `connect` does, but for what {@link hearSockets} is for.
 *
 * @throws {Error} of the library where there is no connection
 */
export async function connectHeard(
  library: ClientLibrary,
  options: ConnectionOptions,
): Promise<NatsConnection> {
  const { NodeTransport, nodeResolveHost } = await loadTransport();
  library.setTransportFactory({
    factory: () => {
      const transport = new NodeTransport();
      hearSockets(transport);
      return transport;
    },
    dnsResolveFn: nodeResolveHost,
  });
  return await library.NatsConnectionImpl.connect(options);
}

/** How long one server is given for a connection. */
export const CONNECT_MS = 2_000;
/** How often a quiet server is asked whether it is there; it is given up after two without an answer. */
const PING_INTERVAL_MS = 2_000;
const LIMIT_OPEN_PINGS = 2;

/**
 * The library's options for one attempt at one server. It never reconnects by itself: it would give up after
 * ten attempts, drop what is published meanwhile without a word, and not look at the next server's version.
 *
 * @throws {RangeError} where a file can't be read
 */
export function connectOptions(
  library: ClientLibrary,
  options: NatsOptions,
  server: NatsServerAddress,
): ConnectionOptions {
  const { tls, inboxPrefix } = options;
  const authenticator = authenticatorOf(library, options);
  return {
    servers: server.address,
    name: options.name ?? "durable-streams",
    reconnect: false,
    timeout: options.connectTimeoutMs ?? CONNECT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: LIMIT_OPEN_PINGS,
    noAsyncTraces: true,
    ignoreClusterUpdates: true,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(server.token === undefined ? {} : { token: server.token }),
    ...(server.user === undefined ? {} : { user: server.user, pass: server.password ?? "" }),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(server.isTls || tls !== undefined
      ? {
        tls: {
          ...(tls?.caFile === undefined ? {} : { caFile: tls.caFile }),
          ...(tls?.certFile === undefined ? {} : { certFile: tls.certFile }),
          ...(tls?.keyFile === undefined ? {} : { keyFile: tls.keyFile }),
        },
      }
      : {}),
  };
}

/** Read anew for each attempt, so that renewed files are used. */
function authenticatorOf(library: ClientLibrary, options: NatsOptions): Authenticator | undefined {
  const { credentialsFile, nkeyFile } = options;
  if (credentialsFile !== undefined) {
    return library.credsAuthenticator(encodeUtf8(readSecret("credentials", credentialsFile)));
  }
  if (nkeyFile !== undefined) {
    return library.nkeyAuthenticator(encodeUtf8(readSecret("nkey's seed", nkeyFile).trim()));
  }
  return undefined;
}
