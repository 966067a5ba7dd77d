/** Bounds the bytes that are on their way: who comes too early waits, in order. */
export class InFlightLimit {
  readonly #limitBytes: number;
  readonly #waiting: { readonly bytes: number; readonly resume: () => void }[] = [];
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes that are on their way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Enters at once if there is room; what is larger than the limit goes alone. */
  tryEnter(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#hasRoom(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Resolves when there is room, which is taken then. */
  enter(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, resume: resolve });
    });
  }

  /** They have arrived, or won't. */
  leave(bytes: number): void {
    this.#bytes -= bytes;
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      if (!this.#hasRoom(next.bytes)) return;
      this.#waiting.shift();
      this.#bytes += next.bytes;
      next.resume();
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#limitBytes;
  }
}
