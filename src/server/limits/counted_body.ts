import { CallbackDeadline, type Deadline } from "../../env/deadline_queue.ts";
import type { FrameSink, LiveBody } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";

/** The client of a live body, as far as its limits go. */
export interface BodyClient {
  /** So much more goes to the client. */
  take(bytes: number): void;
  /** How long it is to get nothing more, in milliseconds; 0 where it may. */
  waitMs(): number;
  /** Lets a deadline expire about then. */
  expireIn(deadline: Deadline, ms: number): void;
  /** The body is over, from whichever side. Called at least once. */
  ended(): void;
}

/**
 * A live body whose bytes count for its client. While that has had too many the body is held: it stays open
 * and goes on from where it was.
 */
export class CountedBody implements LiveBody {
  readonly limitBytes: number;
  readonly #body: LiveBody;
  readonly #client: BodyClient;
  readonly #resume = new CallbackDeadline(() => {
    if (!this.isHeld()) this.#body.drained();
  });

  constructor(body: LiveBody, client: BodyClient) {
    this.limitBytes = body.limitBytes;
    this.#body = body;
    this.#client = client;
  }

  attach(sink: FrameSink): void {
    this.#body.attach(new CountedSink(sink, this.#client, this));
  }

  drained(): void {
    this.#body.drained();
  }

  disconnected(): void {
    this.end();
    this.#body.disconnected();
  }

  /** Whether nothing is to be pushed now; if so, the body is told once it may. */
  isHeld(): boolean {
    const waitMs = this.#client.waitMs();
    if (waitMs <= 0) return false;
    if (!this.#resume.isQueued) this.#client.expireIn(this.#resume, waitMs);
    return true;
  }

  /** It is over. */
  end(): void {
    this.#resume.cancel();
    this.#client.ended();
  }
}

class CountedSink implements FrameSink {
  readonly #sink: FrameSink;
  readonly #client: BodyClient;
  readonly #body: CountedBody;

  constructor(sink: FrameSink, client: BodyClient, body: CountedBody) {
    this.#sink = sink;
    this.#client = client;
    this.#body = body;
  }

  get queuedBytes(): number {
    return this.#sink.queuedBytes;
  }

  isHeld(): boolean {
    return this.#body.isHeld();
  }

  write(frame: Bytes): void {
    this.#client.take(frame.length);
    this.#sink.write(frame);
  }

  end(): void {
    this.#body.end();
    this.#sink.end();
  }

  destroy(reason: Error): void {
    this.#body.end();
    this.#sink.destroy(reason);
  }
}
