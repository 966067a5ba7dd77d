import type { FrameSink, LiveBody } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";

/** How a connection begins. */
export interface SseReaderStart {
  offset: number;
  cursor: number;
  /** Whether it is told how many messages come before each of its offsets. */
  hasOrdinals: boolean;
  nowMs: number;
  closeAtMs: number;
  /** How much may lie unread before nothing more is pushed. */
  limitBytes: number;
}

/**
 * One SSE connection: an offset in a stream and a bounded queue to a client. A client that doesn't keep up
 * gets nothing pushed until it has read on; the data that it lacks is read from the storage then.
 */
export class SseReader implements LiveBody {
  /** Everything before this has been sent. */
  offset: number;
  /** The cursor sent last; it never goes back. */
  cursor: number;
  readonly hasOrdinals: boolean;
  /** When something was sent last, in ms since 1970. */
  sentAtMs: number;
  readonly closeAtMs: number;
  /** When it began, in ms since 1970. */
  readonly beganAtMs: number;
  /** Whether it gets no more of the stream: its right has ended, and it is about to be told. */
  isExpired = false;
  /** Whether the first control event has gone out. */
  started = false;
  /** Whether there is nothing more to send, as far as is known. */
  upToDate = false;
  /** Whether there was more to send than the client had room for, or was to get. */
  behind = false;
  /** Called once when the connection is over, from whichever side. */
  onEnd: () => void = () => {};
  /** Called when a client that was behind may get more again. */
  onRoom: () => void = () => {};
  readonly limitBytes: number;
  /** The frames from before there was a sink. */
  #early: Bytes[] = [];
  #sink: FrameSink | undefined;
  #ended = false;

  constructor(start: SseReaderStart) {
    this.offset = start.offset;
    this.cursor = start.cursor;
    this.hasOrdinals = start.hasOrdinals;
    this.sentAtMs = start.nowMs;
    this.beganAtMs = start.nowMs;
    this.closeAtMs = start.closeAtMs;
    this.limitBytes = start.limitBytes;
  }

  /** Whether the client has room for more. */
  get hasRoom(): boolean {
    return !this.#ended && (this.#sink?.queuedBytes ?? totalBytes(this.#early)) < this.limitBytes;
  }

  /** Whether it is to get what is new: there is room, and its client's limits let it. */
  get mayPush(): boolean {
    return this.hasRoom && this.#sink?.isHeld?.() !== true;
  }

  attach(sink: FrameSink): void {
    this.#sink = sink;
    for (const frame of this.#early) sink.write(frame);
    this.#early = [];
    if (this.#ended) sink.end();
  }

  drained(): void {
    if (!this.behind || !this.mayPush) return;
    this.behind = false;
    this.onRoom();
  }

  disconnected(): void {
    this.#finish();
  }

  /** Queues a frame. */
  send(frame: Bytes, nowMs: number): void {
    if (this.#ended) return;
    if (this.#sink === undefined) this.#early.push(frame);
    else this.#sink.write(frame);
    this.sentAtMs = nowMs;
  }

  /** Ends the connection; what is queued still goes out. */
  end(): void {
    if (this.#ended) return;
    this.#sink?.end();
    this.#finish();
  }

  /** Ends the connection of a client that doesn't read; what is queued is dropped. */
  destroy(): void {
    if (this.#ended) return;
    this.#sink?.destroy(new Error("The reader left too much unread for too long."));
    this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd();
  }
}

function totalBytes(frames: readonly Bytes[]): number {
  return frames.reduce((total, { length }) => total + length, 0);
}
