import { Buffer } from "node:buffer";

/** No more memory than this many buffers is kept unused. */
const MAX_UNUSED = 64;

/**
 * Buffers of one length that are used again and again: 64 KiB made anew for each response cost Deno as
 * much as all else about it.
 */
export class BufferPool {
  readonly #lengthBytes: number;
  readonly #unused: Buffer<ArrayBuffer>[] = [];

  constructor(lengthBytes: number) {
    this.#lengthBytes = lengthBytes;
  }

  /** A buffer with memory of its own, and whatever its last user left in it. */
  take(): Buffer<ArrayBuffer> {
    return this.#unused.pop() ?? Buffer.allocUnsafeSlow(this.#lengthBytes);
  }

  /** Takes a buffer back, once and only when nobody reads or writes it any more. */
  give(buffer: Buffer<ArrayBuffer>): void {
    if (this.#unused.length < MAX_UNUSED) this.#unused.push(buffer);
  }
}
