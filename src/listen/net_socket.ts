import type { Socket as TcpSocket } from "node:net";
import type { Socket } from "../http/socket.ts";
import type { Bytes } from "../protocol/bytes.ts";

/** So much of a long body is handed over at once: what a slow client takes of it shows in steps of this. */
const CHUNK_BYTES = 64 * 1024;

/** A socket of `node:net`, as a connection wants it. */
export class NetSocket implements Socket {
  /** It doesn't tell. */
  readonly fd = -1;
  readonly #socket: TcpSocket;

  constructor(socket: TcpSocket) {
    this.#socket = socket;
  }

  get heldBytes(): number {
    return this.#socket.writableLength;
  }

  write(data: Bytes | string): number {
    const socket = this.#socket;
    if (!socket.writable) return -1;
    if (socket.writableNeedDrain) return 0;
    if (typeof data === "string") {
      socket.write(data, "latin1");
      return data.length;
    }
    if (data.length <= CHUNK_BYTES) {
      socket.write(data);
      return data.length;
    }
    let at = 0;
    do {
      const piece = data.subarray(at, at + CHUNK_BYTES);
      socket.write(piece);
      at += piece.length;
      // Where the system has taken all of a piece at once, no drain follows.
    } while (at < data.length && !socket.writableNeedDrain);
    return at;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  shutdown(): void {
    this.#socket.end();
  }

  end(): void {
    this.#socket.destroySoon();
  }

  terminate(): void {
    this.#socket.resetAndDestroy();
  }
}
