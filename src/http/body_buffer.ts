import { type Bytes, NO_BYTES } from "../protocol/bytes.ts";

const FIRST_BYTES = 1024;
/** Up to here bytes are sooner copied one by one than by a call. */
const SHORT_BYTES = 24;

/**
 * One buffer that grows with the parts that are copied into it: a part kept as it came may keep a read's
 * whole buffer, and one of a byte costs a hundred.
 */
export class BodyBuffer {
  #bytes: Bytes = NO_BYTES;
  #length = 0;
  readonly #maxBytes: number;
  readonly #onGrowth: ((addedBytes: number) => void) | undefined;

  /**
   * @param mostBytes what comes is never longer; then no more than that is ever allocated
   * @param onGrowth called before so many bytes more are allocated; what it throws keeps them from it
   */
  constructor(mostBytes = Infinity, onGrowth?: (addedBytes: number) => void) {
    this.#maxBytes = mostBytes;
    this.#onGrowth = onGrowth;
  }

  /** How many bytes have come. */
  get length(): number {
    return this.#length;
  }

  /** Copies `from` between `start` and `end` to the end of what is here. */
  append(from: Bytes, start: number, end: number): void {
    const length = end - start;
    if (this.#length + length > this.#bytes.length) this.#grow(this.#length + length);
    if (length > SHORT_BYTES) {
      this.#bytes.set(from.subarray(start, end), this.#length);
    } else {
      const bytes = this.#bytes;
      for (let at = start, to = this.#length; at < end;) bytes[to++] = from[at++] ?? 0;
    }
    this.#length += length;
  }

  /** All that has come; nothing may be appended any more. */
  whole(): Bytes {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(neededBytes: number): void {
    const doubled = Math.max(FIRST_BYTES, this.#bytes.length * 2);
    const capacity = Math.max(neededBytes, Math.min(doubled, this.#maxBytes));
    this.#onGrowth?.(capacity - this.#bytes.length);
    const grown = new Uint8Array(capacity);
    grown.set(this.whole());
    this.#bytes = grown;
  }
}
