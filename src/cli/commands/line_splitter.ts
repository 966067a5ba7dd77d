import { type Bytes, concatBytes } from "../../protocol/bytes.ts";

const NEWLINE = 0x0a;

/**
 * Cuts what comes in chunks into lines that keep their ends. A line longer than a piece comes in several,
 * cut at the same places however the chunks fall.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  #begun: Bytes[] = [];
  #begunBytes = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The lines that this chunk completes. */
  push(chunk: Bytes): Bytes[] {
    const lines: Bytes[] = [];
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const lineEnd = newline < 0 ? chunk.length : newline + 1;
      const end = Math.min(lineEnd, start + this.#maxLineBytes - this.#begunBytes);
      const isWhole = newline >= 0 && end === lineEnd;
      // A piece that is just full waits: the line may end here, and its end belongs to it.
      if (end > start) this.#begin(chunk.subarray(start, end));
      if (isWhole || end < lineEnd) lines.push(this.#take());
      start = end;
    }
    return lines;
  }

  /** What follows the last line end, where anything does. */
  end(): Bytes[] {
    return this.#begunBytes === 0 ? [] : [this.#take()];
  }

  #begin(bytes: Bytes): void {
    this.#begun.push(bytes);
    this.#begunBytes += bytes.length;
  }

  #take(): Bytes {
    const line = concatBytes(this.#begun);
    this.#begun = [];
    this.#begunBytes = 0;
    return line;
  }
}
