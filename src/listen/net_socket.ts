import type { Socket as TcpSocket } from "node:net";
import type { Socket } from "../http/socket.ts";
import type { Bytes } from "../protocol/bytes.ts";

/** So much of a long body is handed over at once: what a slow client takes of it shows in steps of this. */
const PIECE_BYTES = 256 * 1024;

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
    const piece = data.length > PIECE_BYTES ? data.subarray(0, PIECE_BYTES) : data;
    socket.write(piece);
    return piece.length;
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
