import { type Bytes, encodeUtf8 } from "../../protocol/bytes.ts";
import { PushedBody } from "../common/pushed_body.ts";

/** Nothing more is written while a page has so much unread: what is old by then is no use to it. */
const LIMIT_BYTES = 64 * 1024;

/** The body of one page's feed. */
export class FeedBody extends PushedBody {
  /** Since when there has been no room, in ms since 1970; 0 where there is. */
  stuckSinceMs = 0;

  constructor(nowMs: number) {
    super({ nowMs, limitBytes: LIMIT_BYTES });
  }

  /** Whether the page takes more. */
  get hasRoom(): boolean {
    return !this.isOver && this.isAttached && this.queuedBytes < LIMIT_BYTES && !this.isHeld;
  }

  drained(): void {}
}

/** An event for the wire. */
export function frameOf(event: string, data: unknown): Bytes {
  return encodeUtf8(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
