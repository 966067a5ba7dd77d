import { type Bytes, concatBytes, decodeUtf8, hasByteOrderMark } from "../../protocol/bytes.ts";

/** One server-sent event. */
export interface SseEvent {
  /** The value of its `event` field; empty if it has none. */
  type: string;
  /** Its `data` lines, joined by line feeds. */
  data: Bytes;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const LINE_BREAK: Bytes = Uint8Array.of(LINE_FEED);
const LONGEST_NAME_BYTES = "event".length;

/**
 * Parses server-sent events from chunks of any size (HTML, §9.2.6). It never decodes data, so that chunks
 * may split a character; an incomplete event is never returned.
 */
export class SseParser {
  /** The chunks of an incomplete line. */
  #partialLine: Bytes[] = [];
  #afterCarriageReturn = false;
  #isFirstLine = true;
  #type = "";
  #data: Bytes[] = [];

  /** Whether an event is incomplete. */
  get isMidEvent(): boolean {
    return this.#partialLine.length > 0 || this.#type !== "" || this.#data.length > 0;
  }

  /** The events that `chunk` completes. */
  push(chunk: Bytes): SseEvent[] {
    const events: SseEvent[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      const isSecondHalf = byte === LINE_FEED && this.#afterCarriageReturn;
      this.#afterCarriageReturn = byte === CARRIAGE_RETURN;
      if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN) continue;
      if (!isSecondHalf) {
        const event = this.#line(this.#finishLine(chunk.subarray(start, at)));
        if (event !== undefined) events.push(event);
      }
      start = at + 1;
    }
    if (start < chunk.length) this.#partialLine.push(chunk.subarray(start));
    return events;
  }

  #finishLine(last: Bytes): Bytes {
    const line = this.#partialLine.length === 0 ? last : concatBytes([...this.#partialLine, last]);
    this.#partialLine = [];
    const isFirst = this.#isFirstLine;
    this.#isFirstLine = false;
    return isFirst && hasByteOrderMark(line) ? line.subarray(3) : line;
  }

  #line(line: Bytes): SseEvent | undefined {
    if (line.length === 0) return this.#dispatch();
    const colon = line.indexOf(COLON);
    const nameBytes = colon < 0 ? line.length : colon;
    if (nameBytes > LONGEST_NAME_BYTES) return undefined;
    const name = String.fromCharCode(...line.subarray(0, nameBytes));
    const value = line.subarray(nameBytes + (line[nameBytes + 1] === SPACE ? 2 : 1));
    if (name === "event") this.#type = decodeUtf8(value);
    if (name === "data") {
      if (this.#data.length > 0) this.#data.push(LINE_BREAK);
      this.#data.push(value);
    }
    return undefined;
  }

  #dispatch(): SseEvent | undefined {
    const event = { type: this.#type, data: concatBytes(this.#data) };
    const hasData = this.#data.length > 0;
    this.#type = "";
    this.#data = [];
    return hasData ? event : undefined;
  }
}
