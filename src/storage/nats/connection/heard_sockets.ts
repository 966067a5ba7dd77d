import type { NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";
import type { Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";

/**
 * Hears the errors of each socket that a transport of the client library has, as long as it lasts. The library
 * takes its own listeners away while it begins TLS and when it ends a connection; what a server sends then, on
 * Deno also that it refuses a client's certificate, is an error that nobody hears, and ends the process.
 */
export function hearSockets(transport: NodeTransport): void {
  let current: Socket | undefined;
  Object.defineProperty(transport, "socket", {
    get: () => current,
    set: (socket: Socket | undefined) => {
      if (socket !== undefined) hear(socket);
      current = socket;
    },
  });
  // On Deno a refusal may come in one piece with the handshake's end, before anybody is told of that.
  transport.startTLS = () => startTls(transport);
}

async function startTls(transport: NodeTransport): Promise<TLSSocket> {
  const { socket, tlsName, options } = transport;
  const files = typeof options.tls === "object" ? await transport.loadClientCerts() : undefined;
  const { ca, cert, key } = files ?? {};
  return await new Promise((resolve, reject) => {
    const secure = connect({
      socket,
      servername: tlsName,
      // Whatever a variable of the environment says of all connections, as in the library.
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    hear(secure);
    secure.on("error", reject);
    secure.on("close", () => reject(new Error("the connection was closed while TLS began")));
    secure.on("secureConnect", () => resolve(secure));
  });
}

function hear(socket: Socket): void {
  const removeAll = socket.removeAllListeners.bind(socket);
  const listen = () => socket.on("error", () => {});
  socket.removeAllListeners = (...event: Parameters<typeof removeAll>) => {
    removeAll(...event);
    return listen();
  };
  listen();
}
