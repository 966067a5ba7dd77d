import type { Bytes } from "../protocol/bytes.ts";
import { HeadError } from "./head_error.ts";

const LINE_LIMIT_BYTES = 256;
const TRAILER_LIMIT_BYTES = 8 * 1024;
const SIZE = /^([0-9A-Fa-f]{1,12})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/;
const CR = 13;
const LF = 10;

/** Takes a body in chunks apart (RFC 9112 §7.1). Extensions and trailers mean nothing here. */
export class ChunkedDecoder {
  #state: "size" | "data" | "data end" | "trailer" | "done" = "size";
  #line = "";
  #left = 0;
  #trailerBytes = 0;

  /** Whether the body has ended. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  /**
   * Takes what has come.
   *
   * @param emit gets the data, in the order of the body
   * @returns how many bytes belong to the body: what comes after them is the next request's
   * @throws {HeadError}
   */
  decode(input: Bytes, emit: (data: Bytes) => void): number {
    let at = 0;
    while (at < input.length && this.#state !== "done") {
      if (this.#state === "data") {
        const end = Math.min(input.length, at + this.#left);
        emit(input.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = "data end";
      } else {
        this.#take(input[at++] ?? 0);
      }
    }
    return at;
  }

  #take(byte: number): void {
    if (byte !== LF) {
      if (this.#line.length >= LINE_LIMIT_BYTES && this.#state !== "trailer") throw malformed();
      if (this.#state === "trailer" && ++this.#trailerBytes > TRAILER_LIMIT_BYTES) {
        throw malformed();
      }
      this.#line += String.fromCharCode(byte);
      return;
    }
    if (this.#line.charCodeAt(this.#line.length - 1) !== CR) throw malformed();
    const line = this.#line.slice(0, -1);
    this.#line = "";
    this.#endLine(line);
  }

  #endLine(line: string): void {
    switch (this.#state) {
      case "size": {
        const size = SIZE.exec(line)?.[1];
        if (size === undefined) throw malformed();
        this.#left = parseInt(size, 16);
        this.#state = this.#left === 0 ? "trailer" : "data";
        return;
      }
      case "data end":
        if (line !== "") throw malformed();
        this.#state = "size";
        return;
      case "trailer":
        if (line === "") this.#state = "done";
    }
  }
}

function malformed(): HeadError {
  return new HeadError(400, "A chunk of the body is malformed.");
}
