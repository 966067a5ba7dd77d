import type { Bytes } from "../protocol/bytes.ts";
import { BodyBuffer } from "./body_buffer.ts";
import type { BodySink, BodySource } from "./handler.ts";

/** This much is taken from the connection before anybody asks for it. */
const AHEAD_BYTES = 64 * 1024;

/** A request's body on its way in, from the connection to the handler. */
export class IncomingBody implements BodySource {
  /** Called when the body is asked for. */
  onPull: () => void = () => {};
  /** The part that came before anybody asked for it. */
  #early: BodyBuffer | undefined;
  #sink: BodySink | undefined;
  #isDone = false;
  #failure: Error | undefined;

  /** Whether more should be read from the connection. */
  get needsMore(): boolean {
    return this.#sink !== undefined || (this.#early?.length ?? 0) < AHEAD_BYTES;
  }

  /** Whether all of it has come. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Takes input: `input` between `start` and `end`, which may be written over later. */
  write(input: Bytes, start: number, end: number): void {
    if (this.#sink !== undefined) return this.#sink.write(input, start, end);
    this.#early ??= new BodyBuffer();
    this.#early.append(input, start, end);
  }

  /** No more will come: that was all. */
  end(): void {
    this.#isDone = true;
    this.#sink?.end();
  }

  /** No more will come, and something is missing. */
  fail(failure: Error): void {
    if (this.#isDone || this.#failure !== undefined) return;
    this.#failure = failure;
    this.#sink?.fail(failure);
  }

  attach(sink: BodySink): void {
    this.#sink = sink;
    const early = this.#early?.whole();
    this.#early = undefined;
    if (early !== undefined) sink.write(early, 0, early.length);
    if (this.#failure !== undefined) sink.fail(this.#failure);
    else if (this.#isDone) sink.end();
    else this.onPull();
  }
}
