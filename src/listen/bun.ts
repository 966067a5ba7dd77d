import { systemClock } from "../env/clock.ts";
import { sendMore } from "../env/send_more.ts";
import { unackedBytes } from "../env/unacked_bytes.ts";
import { limitUnsentBytes } from "../env/unsent_limit.ts";
import type { Connection } from "../http/connection.ts";
import { HttpConnections } from "../http/connections.ts";
import type { BunListener, BunListenOptions, BunRuntime } from "./bun_runtime.ts";
import { BunTls } from "./bun_tls.ts";
import type { Listener, ResolvedListenOptions } from "./listener.ts";
import { rejectCertificate, type TlsOptions } from "./tls.ts";

/**
 * Listens with `Bun.listen` and speaks HTTP itself: `Bun.serve` takes as long for a request as all else
 * about it (docs/PERFORMANCE.md).
 */
export function listenOnBun(bun: BunRuntime, options: ResolvedListenOptions): Listener {
  const { handler, longestSilenceMs, maxConnections, tls, counts } = options;
  const connections = new HttpConnections({
    handler,
    longestSilenceMs,
    maxConnections,
    clock: systemClock,
    heldBytes: unackedBytes,
    sendMore,
    isEncrypted: tls !== undefined,
    counts,
  });
  if (tls !== undefined) return listenWithTls(bun, options, connections, tls);
  const listener = bun.listen<Connection>({
    ...addressOf(options),
    socket: {
      open(socket) {
        limitUnsentBytes?.(socket.fd);
        socket.data = connections.open(socket);
        connections.admit(socket.data);
      },
      data: (socket, bytes) => socket.data.received(bytes),
      drain: (socket) => socket.data.drained(),
      close: (socket) => connections.close(socket.data),
      // Its close follows.
      error() {},
    },
  });
  return {
    port: portOf(listener),
    setCertificate: rejectCertificate,
    async stop() {
      listener.stop(false);
      await connections.stop();
    },
  };
}

/**
 * TLS begins on each connection by itself, so that the certificate can be another from one to the next:
 * `Bun.listen` with TLS keeps its first one, and a second listener on the port would cost connections that
 * wait for the first one as it closes.
 */
function listenWithTls(
  bun: BunRuntime,
  options: ResolvedListenOptions,
  connections: HttpConnections,
  tls: TlsOptions,
): Listener {
  const upgrade = new BunTls(tls, {
    connections,
    clock: systemClock,
    maxConnections: options.maxConnections,
    counts: options.counts,
  });
  const listener = bun.listen<undefined>({
    ...addressOf(options),
    socket: {
      open(socket) {
        limitUnsentBytes?.(socket.fd);
        upgrade.accept(socket);
      },
      // What comes goes to the socket of TLS alone.
      drain() {},
      close: () => upgrade.closed(),
      error() {},
    },
  });
  return {
    port: portOf(listener),
    setCertificate: (next) => upgrade.setCertificate(next),
    async stop() {
      listener.stop(false);
      await connections.stop();
      upgrade.stop();
    },
  };
}

type AddressOptions = Pick<BunListenOptions<unknown>, "hostname" | "port" | "reusePort" | "unix">;

function addressOf({ host, port, isShared, path }: ResolvedListenOptions): AddressOptions {
  return path === undefined ? { hostname: host, port, reusePort: isShared } : { unix: path };
}

function portOf({ port }: BunListener): number {
  return typeof port === "number" ? port : 0;
}
