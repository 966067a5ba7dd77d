/** Reads a child's output line by line. */
export class Lines {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(output: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = output.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line without its end, undefined after the last. */
  async next(): Promise<string | undefined> {
    while (true) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#rest += value;
    }
  }

  /** Reads and forgets the rest, so that the child never blocks on a full pipe. */
  async drain(): Promise<void> {
    while (!(await this.#reader.read()).done);
  }
}
