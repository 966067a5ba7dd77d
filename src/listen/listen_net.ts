import { createServer, type Server } from "node:net";
import { getLogger } from "@logtape/logtape";
import { systemClock } from "../env/clock.ts";
import { HttpConnections } from "../http/http_connections.ts";
import type { Listener, ListenOptions } from "./listener.ts";
import { NetSocket } from "./net_socket.ts";

const log = getLogger(["durable-streams", "http"]);

const BACKLOG = 511;

/** Listens with `node:net` and speaks HTTP itself. */
export async function listenOnNet(options: ListenOptions): Promise<Listener> {
  const { handler, longestSilenceMs, maxConnections } = options;
  const connections = new HttpConnections({
    handler,
    longestSilenceMs,
    maxConnections,
    clock: systemClock,
  });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = connections.open(new NetSocket(socket));
    // Text comes only of a socket that was told an encoding.
    socket.on("data", (bytes) => typeof bytes !== "string" && connection.received(bytes));
    socket.on("drain", () => connection.drained());
    // Who sends nothing more is taken for gone.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => connections.close(connection));
    // Its close follows.
    socket.on("error", () => {});
    connections.admit(connection);
  });
  const port = await listening(server, options);
  server.on("error", (error) => log.error("taking connections failed", { error: error.message }));
  return {
    port,
    async stop() {
      server.close();
      await connections.stop();
    },
  };
}

function listening(server: Server, { host, port, isShared }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, reusePort: isShared, exclusive: true, backlog: BACKLOG }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
