import type { FrameSink, LiveBody } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";

const NOTHING_EARLY: readonly Bytes[] = [];
const doNothing = () => {};

/** How a pushed body begins. */
export interface PushedBodyStart {
  readonly nowMs: number;
  /** How much may lie unread before nothing more is pushed. */
  readonly limitBytes: number;
}

/**
 * A live body that others push frames to: it keeps those that come before it has a sink, and ends once, from
 * whichever side. There are very many, so that each is one object.
 */
export abstract class PushedBody implements LiveBody {
  readonly limitBytes: number;
  /** When something was sent last, in ms since 1970. */
  sentAtMs: number;
  /** Called once when it is over, from whichever side. */
  onEnd: () => void = doNothing;
  #sink: FrameSink | undefined;
  /** The frames from before there was a sink. */
  #early: readonly Bytes[] = NOTHING_EARLY;
  #isOver = false;

  constructor({ nowMs, limitBytes }: PushedBodyStart) {
    this.sentAtMs = nowMs;
    this.limitBytes = limitBytes;
  }

  /** Whether nothing more goes out. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it has been given to a client. */
  get isAttached(): boolean {
    return this.#sink !== undefined;
  }

  /** What was sent and hasn't gone to the client yet. */
  get queuedBytes(): number {
    return this.#sink === undefined ? totalBytes(this.#early) : this.#sink.queuedBytes;
  }

  /** Whether its client's limits have it wait, though there may be room. */
  get isHeld(): boolean {
    return this.#sink?.isHeld?.() === true;
  }

  attach(sink: FrameSink): void {
    this.#sink = sink;
    for (const frame of this.#early) sink.write(frame);
    this.#early = NOTHING_EARLY;
    if (this.#isOver) sink.end();
  }

  abstract drained(): void;

  disconnected(): void {
    this.#finish();
  }

  /** Sends a frame, also where there is no room. */
  send(frame: Bytes, nowMs: number): void {
    if (this.#isOver) return;
    if (this.#sink === undefined) this.#early = [...this.#early, frame];
    else this.#sink.write(frame);
    this.sentAtMs = nowMs;
  }

  /** Ends it; what is queued still goes out. */
  end(): void {
    if (this.#isOver) return;
    this.#sink?.end();
    this.#finish();
  }

  /** Ends the connection of a client that doesn't read; what is queued is dropped. */
  destroy(): void {
    if (this.#isOver) return;
    this.#sink?.destroy(new Error("The reader left too much unread for too long."));
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onEnd();
  }
}

function totalBytes(frames: readonly Bytes[]): number {
  return frames.reduce((total, { length }) => total + length, 0);
}
