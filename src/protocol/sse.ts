import { Buffer } from "node:buffer";
import { type Bytes, completeUtf8Length, encodeUtf8 } from "./bytes.ts";
import { formatEventId } from "./event_id.ts";
import { toJsonArray } from "./json.ts";

/** The content of a control event (PROTOCOL §5.8). */
export interface SseControl {
  /** Where the next read continues, as it is on the wire. */
  nextOffset: string;
  /** Left out of the event of a closed stream: nobody comes back. */
  cursor: number;
  upToDate: boolean;
  closed: boolean;
  /** How many messages come before `nextOffset`, and when the last of them came (an extension). */
  count?: { readonly messages: number; readonly lastAtMs: number } | undefined;
  /**
   * What is at `nextOffset` was trimmed: the first offset that can be read, and nothing follows (an extension).
   */
  earliestOffset?: string | undefined;
  /** Up to where messages are missing that newer ones stand for, as it is on the wire (an extension). */
  compactedUpTo?: string | undefined;
}

/** How the bytes of a stream become a data event. */
export interface SseFormat {
  json: boolean;
  encoding: "text" | "base64";
}

/** A comment line: keeps proxies from cutting a silent connection, and clients ignore it. */
export const SSE_KEEP_ALIVE: Bytes = encodeUtf8(":\n\n");

/**
 * The last event of a reader whose right to read ended (an extension): it follows a control event, whose
 * offset is where the reader continues with new credentials.
 */
export function encodeCredentialExpired(reason: "expired" | "revoked"): string {
  return `event: credential-expired\ndata:${JSON.stringify({ reason })}\n\n`;
}

const LINE_BREAK = /\r\n|\n|\r/;
const CARRIAGE_RETURN = 0x0d;
const lenientUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * One chunk for the wire: a data event where there is data, and always the control event that
 * belongs to it, so that no reader sees one without the other.
 *
 * The data event has an `id`, at which a browser's `EventSource` continues. A control event has one
 * only where it adds something: without data before it, or with the closure. After others the id of the
 * data stays.
 */
export function encodeSseFrame(data: Uint8Array, format: SseFormat, control: SseControl): Bytes {
  const { nextOffset, closed } = control;
  const hasData = data.length > 0;
  const event = hasData
    ? `${encodeData(data, format)}id:${formatEventId(nextOffset, false)}\n\n`
    : "";
  const id = hasData && !closed ? "" : `id:${formatEventId(nextOffset, closed)}\n`;
  return encodeUtf8(`${event}event: control\ndata:${encodeControl(control)}\n${id}\n`);
}

/**
 * How much of text may go out while more may come: all of it but a last character that isn't finished,
 * and a last CR. An LF may follow that, and a CRLF in two events would be two line ends.
 */
export function sendableTextLength(text: Uint8Array): number {
  const lastAt = text.length - 1;
  return text[lastAt] === CARRIAGE_RETURN ? lastAt : completeUtf8Length(text);
}

/** A data event without its end. */
function encodeData(data: Uint8Array, format: SseFormat): string {
  const payload = format.json ? toJsonArray(data) : data;
  if (format.encoding === "base64") return `event: data\ndata:${toBase64(payload)}\n`;
  const text = lenientUtf8.decode(payload);
  if (format.json) return `event: data\ndata:${text.replaceAll("\n", " ")}\n`;
  let event = "event: data\n";
  for (const line of text.split(LINE_BREAK)) event += `data:${protectSpace(line)}\n`;
  return event;
}

/** A line of data as it is written: a parser drops one space after the colon, so that one more is needed. */
export function protectSpace(line: string): string {
  return line.startsWith(" ") ? ` ${line}` : line;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function encodeControl(control: SseControl): string {
  const { compactedUpTo } = control;
  const compacted = compactedUpTo === undefined ? "" : `,"compactedUpTo":"${compactedUpTo}"`;
  const next = `"streamNextOffset":"${control.nextOffset}"${
    encodeCount(control.count)
  }${compacted}`;
  if (control.closed) return `{${next},"upToDate":true,"streamClosed":true}`;
  const cursor = `"streamCursor":"${control.cursor}"`;
  if (control.earliestOffset !== undefined) {
    return `{${next},${cursor},"trimmed":true,"earliestOffset":"${control.earliestOffset}"}`;
  }
  return control.upToDate ? `{${next},${cursor},"upToDate":true}` : `{${next},${cursor}}`;
}

function encodeCount(count: SseControl["count"]): string {
  if (count === undefined) return "";
  const ordinal = `,"streamNextOrdinal":${count.messages}`;
  return count.messages === 0
    ? ordinal
    : `${ordinal},"streamLastTime":"${new Date(count.lastAtMs).toISOString()}"`;
}
