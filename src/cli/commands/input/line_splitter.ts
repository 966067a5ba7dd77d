import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";

const NEWLINE = 0x0a;

/**
 * Cuts chunks into lines that keep their ends. A line longer than the limit becomes several, cut at the
 * same places wherever the chunks end.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  #partialLine: Bytes[] = [];
  #partialBytes = 0;

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
      const end = Math.min(lineEnd, start + this.#maxLineBytes - this.#partialBytes);
      const isWhole = newline >= 0 && end === lineEnd;
      // A line that has just reached the limit waits, since its end may follow.
      if (end > start) this.#keep(chunk.subarray(start, end));
      if (isWhole || end < lineEnd) lines.push(this.#take());
      start = end;
    }
    return lines;
  }

  /** The rest after the last line end, if any. */
  end(): Bytes[] {
    return this.#partialBytes === 0 ? [] : [this.#take()];
  }

  #keep(bytes: Bytes): void {
    this.#partialLine.push(bytes);
    this.#partialBytes += bytes.length;
  }

  #take(): Bytes {
    const line = concatBytes(this.#partialLine);
    this.#partialLine = [];
    this.#partialBytes = 0;
    return line;
  }
}
