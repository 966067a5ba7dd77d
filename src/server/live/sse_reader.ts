import { PushedBody } from "../common/pushed_body.ts";

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
export class SseReader extends PushedBody {
  /** Everything before this has been sent. */
  offset: number;
  /** The cursor sent last; it never goes back. */
  cursor: number;
  readonly hasOrdinals: boolean;
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
  /** Called when a client that was behind may get more again. */
  onRoom: () => void = () => {};

  constructor(start: SseReaderStart) {
    super(start);
    this.offset = start.offset;
    this.cursor = start.cursor;
    this.hasOrdinals = start.hasOrdinals;
    this.beganAtMs = start.nowMs;
    this.closeAtMs = start.closeAtMs;
  }

  /** Whether the client has room for more. */
  get hasRoom(): boolean {
    return !this.isOver && this.queuedBytes < this.limitBytes;
  }

  /** Whether it is to get what is new: there is room, and its client's limits let it. */
  get mayPush(): boolean {
    return this.hasRoom && !this.isHeld;
  }

  drained(): void {
    if (!this.behind || !this.mayPush) return;
    this.behind = false;
    this.onRoom();
  }
}
