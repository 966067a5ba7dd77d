import type { FrameSink, LiveBody } from "../../http/handler.ts";
import { type Bytes, encodeUtf8 } from "../../protocol/bytes.ts";

/** Nothing more is written while a page has so much unread: what is old by then is no use to it. */
const LIMIT_BYTES = 64 * 1024;

/** The body of one page's feed. */
export class FeedBody implements LiveBody {
  readonly limitBytes = LIMIT_BYTES;
  /** Called once when it is over, from whichever side. */
  onEnd: () => void = () => {};
  /** When something was written last, in ms since 1970. */
  sentAtMs: number;
  /** Since when there has been no room, in ms since 1970; 0 where there is. */
  stuckSinceMs = 0;
  /** The frames from before there was a sink. */
  #early: Bytes[] = [];
  #sink: FrameSink | undefined;
  #isEnded = false;

  constructor(nowMs: number) {
    this.sentAtMs = nowMs;
  }

  /** Whether the page takes more. */
  get hasRoom(): boolean {
    if (this.#isEnded) return false;
    const sink = this.#sink;
    if (sink === undefined) return false;
    return sink.queuedBytes < LIMIT_BYTES && sink.isHeld?.() !== true;
  }

  attach(sink: FrameSink): void {
    this.#sink = sink;
    for (const frame of this.#early) sink.write(frame);
    this.#early = [];
    if (this.#isEnded) sink.end();
  }

  drained(): void {}

  disconnected(): void {
    this.#finish();
  }

  /** Writes a frame, also where there is no room. */
  send(frame: Bytes, nowMs: number): void {
    if (this.#isEnded) return;
    this.sentAtMs = nowMs;
    if (this.#sink === undefined) this.#early.push(frame);
    else this.#sink.write(frame);
  }

  /** Ends it; what is queued still goes out. */
  end(): void {
    if (this.#isEnded) return;
    this.#sink?.end();
    this.#finish();
  }

  /** Ends the connection of a page that doesn't read. */
  destroy(): void {
    if (this.#isEnded) return;
    this.#sink?.destroy(new Error("The page left too much unread for too long."));
    this.#finish();
  }

  #finish(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.onEnd();
  }
}

/** An event for the wire. */
export function frameOf(event: string, data: unknown): Bytes {
  return encodeUtf8(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
