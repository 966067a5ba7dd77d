import { StreamError } from "../../protocol/errors.ts";

/** Counts the bytes of all bodies that are on their way in, and bounds them. */
export class BodyBudget {
  readonly #limitBytes: number;
  #reservedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** How many are on their way. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /**
   * Counts this many more, until they are released.
   *
   * @throws {StreamError} `too_many_bodies`
   */
  reserve(bytes: number): void {
    if (this.#reservedBytes + bytes > this.#limitBytes) {
      throw new StreamError(
        { code: "too_many_bodies" },
        `The bodies that are on their way take ${this.#limitBytes} bytes already, as many as they may: ` +
          "try again.",
      );
    }
    this.#reservedBytes += bytes;
  }

  /** Gives back this many. */
  release(bytes: number): void {
    this.#reservedBytes -= bytes;
  }
}
