/// <reference lib="deno.unstable" />

/** A Unix socket for datagrams of text, and what came on it. */
export class DatagramSocket {
  readonly texts: string[] = [];
  readonly #socket: Deno.DatagramConn;
  readonly #received: Promise<void>;

  constructor(path: string) {
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    this.#received = this.#receive();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#received;
  }

  async #receive(): Promise<void> {
    for await (const [data] of this.#socket) this.texts.push(new TextDecoder().decode(data));
  }
}
