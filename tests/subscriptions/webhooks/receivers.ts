import { Buffer } from "node:buffer";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Server as TcpServer, type Socket } from "node:net";
import { CERTIFICATE, CERTIFICATE_KEY } from "./certificate.ts";

/** Receivers of webhooks on loopback, which end with all of their connections. */

/** A receiver that listens. */
export interface Receiver extends AsyncDisposable {
  readonly port: number;
  /** How many connections it was sent, and those that are open. */
  readonly connections: { total: number; open: number };
}

/** By HTTP, answering as `answer` does. */
export function httpReceiver(answer: RequestListener, host = "127.0.0.1"): Promise<Receiver> {
  return listen(createHttpServer({ keepAliveTimeout: 60_000 }, answer), host);
}

/** By HTTPS, as `localhost`. */
export function httpsReceiver(answer: RequestListener): Promise<Receiver> {
  return listen(
    createHttpsServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, answer),
    "127.0.0.1",
  );
}

/** Over TCP, doing with the connection what `run` does once the first bytes are here. */
export function rawReceiver(run: (socket: Socket, request: string) => void): Promise<Receiver> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => run(socket, Buffer.from(bytes).toString("latin1")));
  });
  return listen(server, "127.0.0.1");
}

async function listen(server: Server | TcpServer, host: string): Promise<Receiver> {
  const sockets = new Set<Socket>();
  const connections = { total: 0, open: 0 };
  server.on("connection", (socket: Socket) => {
    connections.total++;
    connections.open++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      connections.open--;
      sockets.delete(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, () => resolve()));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("It doesn't listen.");
  return {
    port: address.port,
    connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
