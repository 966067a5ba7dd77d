import type { Socket } from "node:net";

/** The sockets that a proxy has open, on both of its sides. */
export class OpenSockets {
  readonly #sockets = new Set<Socket>();

  /** Keeps a socket until it is closed. Its errors are its reader's to see: here they harm nobody. */
  add(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  /** Ends them all and waits until they are gone. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) =>
      new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
        socket.destroy();
      })
    ));
  }
}
