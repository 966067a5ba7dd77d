import { type Bytes, concatBytes, NO_BYTES } from "../protocol/bytes.ts";

/** So much is taken from the connection before anybody asks for it. */
const AHEAD_BYTES = 64 * 1024;

/** A request's body on its way in: the connection puts bytes in, and the handler takes them out. */
export class IncomingBody {
  /** Called when there is room again, and when the body is asked for at first. */
  onHunger: () => void = () => {};
  #parts: Bytes[] = [];
  #queuedBytes = 0;
  #isAsked = false;
  /** Whether all of it is to be gathered, however long. */
  #isGathered = false;
  #isDone = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  /** Whether more should be read from the connection. */
  get isHungry(): boolean {
    return this.#isGathered || this.#queuedBytes < AHEAD_BYTES;
  }

  /** Whether all of it has come. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Takes what has come. */
  push(bytes: Bytes): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#wake();
  }

  /** No more will come: that was all. */
  end(): void {
    this.#isDone = true;
    this.#wake();
  }

  /** No more will come, and something is missing. */
  fail(failure: Error): void {
    if (this.#isDone) return;
    this.#failure ??= failure;
    this.#wake();
  }

  /** All of it, once it is here. */
  async gather(): Promise<ArrayBuffer> {
    this.#isGathered = true;
    this.#ask();
    while (!this.#isDone) await this.#change();
    const whole = concatBytes(this.#parts.splice(0));
    return whole.byteLength === whole.buffer.byteLength ? whole.buffer : whole.slice().buffer;
  }

  /** The body as it comes. */
  stream(): ReadableStream<Bytes> {
    return new ReadableStream<Bytes>({
      pull: async (controller) => {
        const part = await this.#next();
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
    }, { highWaterMark: 0 });
  }

  async #next(): Promise<Bytes | undefined> {
    this.#ask();
    while (this.#parts.length === 0) {
      if (this.#isDone) return undefined;
      await this.#change();
    }
    const part = this.#parts.shift() ?? NO_BYTES;
    this.#queuedBytes -= part.length;
    this.onHunger();
    return part;
  }

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.onHunger();
  }

  async #change(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve) => this.#wake = resolve);
    if (this.#failure !== undefined) throw this.#failure;
  }
}
