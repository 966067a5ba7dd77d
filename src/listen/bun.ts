import { systemClock } from "../env/clock.ts";
import { sendMore } from "../env/send_more.ts";
import { unackedBytes } from "../env/unacked_bytes.ts";
import { limitUnsentBytes } from "../env/unsent_limit.ts";
import type { Connection } from "../http/connection.ts";
import { HttpConnections } from "../http/connections.ts";
import type { BunRuntime } from "./bun_runtime.ts";
import type { Listener, ListenOptions } from "./listener.ts";

/**
 * Listens with `Bun.listen` and speaks HTTP itself: `Bun.serve` takes as long for a request as all else
 * about it (docs/PERFORMANCE.md).
 */
export function listenOnBun(bun: BunRuntime, options: ListenOptions): Listener {
  const { handler, longestSilenceMs, maxConnections } = options;
  const connections = new HttpConnections({
    handler,
    longestSilenceMs,
    maxConnections,
    clock: systemClock,
    heldBytes: unackedBytes,
    sendMore,
  });
  const listener = bun.listen<Connection>({
    hostname: options.host,
    port: options.port,
    reusePort: options.isShared,
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
    port: listener.port,
    async stop() {
      listener.stop(false);
      await connections.stop();
    },
  };
}
