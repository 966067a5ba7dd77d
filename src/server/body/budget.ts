import { StreamError } from "../../protocol/errors.ts";

/** Counts the bytes of all bodies that are on their way in, and bounds them. */
export class BodyBudget {
  readonly #limitBytes: number;
  #takenBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /**
   * Counts so many more, until they are given back.
   *
   * @throws {StreamError} `too_many_bodies`
   */
  take(bytes: number): void {
    if (this.#takenBytes + bytes > this.#limitBytes) {
      throw new StreamError(
        { code: "too_many_bodies" },
        `The bodies that are on their way take ${this.#limitBytes} bytes already, as many as they may: ` +
          "try again.",
      );
    }
    this.#takenBytes += bytes;
  }

  /** Counts so many less. */
  give(bytes: number): void {
    this.#takenBytes -= bytes;
  }
}
