import { connect, type Socket } from "node:net";

/** One TCP connection that speaks HTTP by hand, for what `fetch` hides or does by itself. */
export class RawConnection {
  readonly #socket: Socket;
  #received = "";
  #ended = false;
  #onChange: () => void = () => {};
  /** Resolves once there is a connection, and where there won't be one. */
  readonly connected: Promise<void>;

  /**
   * Connects to the server of this URL.
   *
   * @param localAddress from where; left to the system unless it is given
   */
  constructor(url: string, localAddress?: string) {
    const { hostname, port } = new URL(url);
    const target = { port: Number(port), host: hostname };
    this.#socket = connect(localAddress === undefined ? target : { ...target, localAddress });
    this.#socket.setEncoding("utf8");
    this.connected = new Promise((resolve) => {
      this.#socket.once("connect", resolve);
      this.#socket.once("close", () => resolve());
    });
    this.#socket.on("data", (text: string) => {
      this.#received += text;
      this.#onChange();
    });
    this.#socket.on("error", () => this.#end());
    this.#socket.on("close", () => this.#end());
  }

  /** Everything that came so far. */
  get received(): string {
    return this.#received;
  }

  /** Sends this text as it is, with CRLF for each line end. */
  send(text: string): void {
    this.#socket.write(text.replaceAll("\n", "\r\n"));
  }

  /** Waits until what came contains this text; rejects where the connection ends before. */
  until(text: string): Promise<string> {
    return this.after(0, text);
  }

  /** Waits until what came after so many characters contains this text; resolves to all that came. */
  async after(seen: number, text: string): Promise<string> {
    while (!this.#received.includes(text, seen)) {
      if (this.#ended) {
        throw new Error(`The connection ended after ${JSON.stringify(this.#received)}`);
      }
      await new Promise<void>((resolve) => this.#onChange = resolve);
    }
    return this.#received;
  }

  /** Waits for the connection's end. */
  async closed(): Promise<string> {
    while (!this.#ended) await new Promise<void>((resolve) => this.#onChange = resolve);
    return this.#received;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #end(): void {
    this.#ended = true;
    this.#onChange();
  }
}
