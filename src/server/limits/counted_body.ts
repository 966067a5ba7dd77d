import type { FrameSink, LiveBody } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";

/** A live body, and a call once it is over, from whichever side. */
export class CountedBody implements LiveBody {
  readonly limitBytes: number;
  readonly #body: LiveBody;
  readonly #onEnd: () => void;

  /** @param onEnd called at least once */
  constructor(body: LiveBody, onEnd: () => void) {
    this.limitBytes = body.limitBytes;
    this.#body = body;
    this.#onEnd = onEnd;
  }

  attach(sink: FrameSink): void {
    this.#body.attach(new CountedSink(sink, this.#onEnd));
  }

  drained(): void {
    this.#body.drained();
  }

  disconnected(): void {
    this.#onEnd();
    this.#body.disconnected();
  }
}

class CountedSink implements FrameSink {
  readonly #sink: FrameSink;
  readonly #onEnd: () => void;

  constructor(sink: FrameSink, onEnd: () => void) {
    this.#sink = sink;
    this.#onEnd = onEnd;
  }

  get queuedBytes(): number {
    return this.#sink.queuedBytes;
  }

  write(frame: Bytes): void {
    this.#sink.write(frame);
  }

  end(): void {
    this.#onEnd();
    this.#sink.end();
  }

  destroy(reason: Error): void {
    this.#onEnd();
    this.#sink.destroy(reason);
  }
}
