import type { Deliver } from "./messages.ts";

/** What is packed apart from the other messages. */
export interface BinaryBatch {
  readonly isEmpty: boolean;
  take(): ArrayBuffer;
}

/**
 * Messages to another thread: all of one turn of the event loop go as one, since each that goes by
 * itself costs both threads several microseconds and a wake-up.
 */
export class Outbox<T extends object> {
  readonly #deliver: Deliver<T>;
  readonly #batch: BinaryBatch;
  #parts: (T | ArrayBuffer)[] = [];
  #transfer: ArrayBuffer[] = [];
  #isDue = false;

  constructor(deliver: Deliver<T>, pack: BinaryBatch) {
    this.#deliver = deliver;
    this.#batch = pack;
  }

  /**
   * Sends a message after all that was packed before it.
   *
   * @param given memory that changes hands with it
   */
  send(message: T, given?: ArrayBuffer): void {
    this.#endBatch();
    this.#parts.push(message);
    if (given !== undefined) this.#transfer.push(given);
    this.sendSoon();
  }

  /** Sends what is packed with the next post. */
  sendSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isDue = false;
    this.#endBatch();
    const post = this.#parts;
    const transfer = this.#transfer;
    this.#parts = [];
    this.#transfer = [];
    this.#deliver(post, transfer);
  }

  #endBatch(): void {
    if (this.#batch.isEmpty) return;
    const packed = this.#batch.take();
    this.#parts.push(packed);
    this.#transfer.push(packed);
  }
}
