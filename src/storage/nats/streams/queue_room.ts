import { StreamError } from "../../../protocol/errors.ts";

/** How much may wait to be written, for all streams together and for one. */
export class QueueRoom {
  readonly #limitBytes: number;
  readonly #limitPerStream: number;
  #bytes = 0;

  constructor(limitBytes: number, limitPerStream: number) {
    this.#limitBytes = limitBytes;
    this.#limitPerStream = limitPerStream;
  }

  /** How many bytes wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Lets a command wait.
   *
   * @param waiting how many wait for its stream already
   * @throws {StreamError} `overloaded`
   */
  enter(bytes: number, waiting: number): void {
    if (waiting >= this.#limitPerStream) {
      throw new StreamError(
        { code: "overloaded" },
        `${waiting} commands wait for this stream, as many as may: try again later.`,
      );
    }
    // One that is longer than all may be is let in alone.
    if (this.#bytes > 0 && this.#bytes + bytes > this.#limitBytes) {
      throw new StreamError(
        { code: "overloaded" },
        `${this.#bytes} bytes wait to be written, and at most ${this.#limitBytes} may: try again later.`,
      );
    }
    this.#bytes += bytes;
  }

  /** A command doesn't wait any more. */
  leave(bytes: number): void {
    this.#bytes -= bytes;
  }
}
