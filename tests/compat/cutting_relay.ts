import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Passes connections on to a server, and breaks some off just before the answer comes back. */
export class CuttingRelay {
  readonly #target: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #toCut = 0;
  #cuts = 0;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((client) => this.#relay(client));
  }

  /** A relay to the server of this URL, listening on a free port. */
  static async to(url: string): Promise<CuttingRelay> {
    const relay = new CuttingRelay(new URL(url));
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  /** The same URL by way of the relay. */
  through(url: string): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("The relay has ended.");
    const by = new URL(url);
    by.port = String(address.port);
    return by.href;
  }

  /** The next so many answers reach nobody: the connection ends when their first byte arrives. */
  cutAnswers(count: number): void {
    this.#toCut = count;
  }

  /** How many answers were cut off. */
  get cuts(): number {
    return this.#cuts;
  }

  #relay(client: Socket): void {
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    const end = () => {
      for (const socket of [client, upstream]) {
        socket.destroy();
        this.#sockets.delete(socket);
      }
    };
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => {
      if (this.#toCut === 0) {
        client.write(bytes);
        return;
      }
      this.#toCut--;
      this.#cuts++;
      end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
