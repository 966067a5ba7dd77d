import { Buffer } from "node:buffer";
import type { Socket as TcpSocket } from "node:net";
import { BufferPool } from "../env/buffer_pool.ts";
import type { Socket } from "../http/socket.ts";
import type { Bytes } from "../protocol/bytes.ts";

/** So much of a long body is handed over at once: what a slow client takes of it shows in steps of this. */
const CHUNK_BYTES = 64 * 1024;

/** Shorter memory is made anew: together with others it costs little. */
const LENT_FROM_BYTES = 16 * 1024;
/** Each for 64 KiB of a body and its head. */
const lendable = new BufferPool(66 * 1024);

/** A socket of `node:net`, as a connection wants it. */
export class NetSocket implements Socket {
  /** It doesn't tell. */
  readonly fd = -1;
  readonly #socket: TcpSocket;
  #borrowed: Buffer<ArrayBuffer> | undefined;

  constructor(socket: TcpSocket) {
    this.#socket = socket;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get heldBytes(): number {
    return this.#socket.writableLength;
  }

  borrow(lengthBytes: number): Buffer<ArrayBuffer> | undefined {
    const socket = this.#socket;
    if (!socket.writable || socket.writableNeedDrain) return undefined;
    if (lengthBytes <= LENT_FROM_BYTES) return Buffer.allocUnsafe(lengthBytes);
    this.#borrowed ??= lendable.take();
    return this.#borrowed.subarray(0, lengthBytes);
  }

  write(data: Bytes | string): number {
    const socket = this.#socket;
    if (!socket.writable) return -1;
    if (socket.writableNeedDrain) return 0;
    if (typeof data === "string") {
      socket.write(data, "latin1");
      return data.length;
    }
    const lent = this.#borrowed;
    if (lent !== undefined && data.buffer === lent.buffer) {
      this.#borrowed = undefined;
      socket.write(data, (error) => {
        // Where a write fails, nothing says that the system is done with it.
        if (!error) lendable.give(lent);
      });
      return data.length;
    }
    if (data.length <= CHUNK_BYTES) {
      socket.write(data);
      return data.length;
    }
    let at = 0;
    do {
      const chunk = data.subarray(at, at + CHUNK_BYTES);
      socket.write(chunk);
      at += chunk.length;
      // Where the system has taken all of a chunk at once, no drain follows.
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
