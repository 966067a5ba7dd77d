import type { TLSSocket } from "node:tls";
import { until } from "../support/until.ts";
import { connectTls } from "../runtime/tls_client.ts";

/** One connection over TLS that speaks HTTP by hand. */
export class TlsConnection {
  readonly #socket: TLSSocket;
  #received = "";
  #isClosed = false;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("close", () => this.#isClosed = true);
    socket.setEncoding("utf8").on("data", (text: string) => this.#received += text);
  }

  /** Connects to the server of this URL. */
  static async open(url: string): Promise<TlsConnection> {
    return new TlsConnection(await connectTls(url));
  }

  /** Whether either side has ended it. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends this text as it is, with CRLF for each line end. */
  send(text: string): void {
    this.#socket.write(text.replaceAll("\n", "\r\n"));
  }

  /** The status and the text of what came since the last answer; the status is 0 where it ends before. */
  async answer(): Promise<{ status: number; text: string }> {
    await until(() => this.#received.includes("\r\n\r\n") || this.#isClosed, () => "an answer");
    const text = this.#received;
    this.#received = "";
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text };
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
