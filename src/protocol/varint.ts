import { type Bytes, toBytes } from "./bytes.ts";

const LOW_BITS = 0x80;

/** Collects whole numbers and texts in few bytes: seven bits a byte, the lowest first (LEB128). */
export class VarintWriter {
  readonly #bytes: number[] = [];

  /** @param value whole, from 0 up to 2^53-1 */
  number(value: number): this {
    let rest = value;
    while (rest >= LOW_BITS) {
      this.#bytes.push((rest % LOW_BITS) + LOW_BITS);
      rest = Math.floor(rest / LOW_BITS);
    }
    this.#bytes.push(rest);
    return this;
  }

  /** A text: the length of its UTF-8, then that. */
  text(value: string): this {
    const bytes = toBytes(value);
    this.number(bytes.length);
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  /** All that was written. */
  finish(): Bytes {
    return Uint8Array.from(this.#bytes);
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads what a {@link VarintWriter} wrote; what isn't whole throws a `RangeError`. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether all has been read. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** @throws {RangeError} where there is none, or one beyond 2^53-1 */
  number(): number {
    let value = 0;
    for (let factor = 1;; factor *= LOW_BITS) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError("A number ends in its middle.");
      value += (byte % LOW_BITS) * factor;
      if (!Number.isSafeInteger(value)) throw new RangeError("A number is beyond 2^53-1.");
      if (byte < LOW_BITS) return value;
    }
  }

  /** @throws {RangeError} where there is none */
  text(): string {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("A text ends in its middle.");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    try {
      return strictUtf8.decode(bytes);
    } catch {
      throw new RangeError("A text is not UTF-8.");
    }
  }
}
