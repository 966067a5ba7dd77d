import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** A proxy in front of several servers that sends each request to the next of them. */
export class TurnsProxy {
  readonly origin: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${portOf(server)}`;
  }

  /** Listens on a free port of loopback. */
  static async start(origins: readonly string[]): Promise<TurnsProxy> {
    let turn = 0;
    const server = createServer((incoming, answer) => {
      const origin = origins[turn++ % origins.length];
      if (origin !== undefined) forward(origin, incoming, answer);
    });
    // Whoever sends slowly is for the servers behind it to judge.
    server.requestTimeout = 0;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TurnsProxy(server);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Headers and bodies go on as they are, also the `Host`: the servers tell their own URLs by it. */
function forward(origin: string, incoming: IncomingMessage, answer: ServerResponse): void {
  const { hostname, port } = new URL(origin);
  const { method, url, headers } = incoming;
  const outgoing = request(
    { hostname, port, method, path: url, headers, agent: false },
    (response) => {
      answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
      answer.flushHeaders();
      response.pipe(answer);
      response.once("error", () => answer.destroy());
    },
  );
  outgoing.once("error", () => answer.destroy());
  answer.once("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
