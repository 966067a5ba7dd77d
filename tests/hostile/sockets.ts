import { connect, type Socket } from "node:net";

/** Many connections by hand: what comes is only counted, or not read at all. */
export class Sockets {
  readonly #sockets: Socket[] = [];
  readonly #onEach: (text: string, index: number) => void;
  #closed = 0;

  /** @param onEach called with what comes on which connection */
  constructor(onEach: (text: string, index: number) => void = () => {}) {
    this.#onEach = onEach;
  }

  /** How many the server or the network has ended. */
  get closed(): number {
    return this.#closed;
  }

  /** Opens one more and sends a GET; one that isn't read takes nothing from the network. */
  async get(url: string, options: { isRead: boolean }): Promise<void> {
    const { hostname, port, pathname, search, host } = new URL(url);
    const index = this.#sockets.length;
    const socket = connect(Number(port), hostname);
    this.#sockets.push(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#closed++);
    if (options.isRead) {
      socket.setEncoding("utf8").on("data", (text: string) => this.#onEach(text, index));
    } else socket.pause();
    await new Promise<void>((resolve) => {
      socket.once("connect", resolve);
      socket.once("close", () => resolve());
    });
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  }

  /** Ends all at once, without a word. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
