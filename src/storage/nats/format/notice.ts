import type { StreamMessage } from "./message.ts";

/** The header that says what a message does to a stream, for who follows a log without payloads. */
export const NOTICE_HEADER = "Ds-Stream";

/** What a message did to a stream (FORMAT.md, "the header"). */
export interface StreamNotice {
  readonly name: string;
  /** The tail before it. */
  readonly start: number;
  /** The tail behind it. */
  readonly end: number;
  readonly isFirst: boolean;
  readonly isClosed: boolean;
  /** Whether the stream is gone with it, softly or for good. */
  readonly isGone: boolean;
  /** Whether less than all of the stream is kept, or there are policies. */
  readonly hasRetention: boolean;
}

const FIRST = 1;
const CLOSED = 2;
const GONE = 4;
const RETENTION = 64;
const NOTICE = /^(\d+) (\d+) (\d+) ([^ ]+)$/;

/** The headers of a stream's message. */
export function noticeHeaders(
  name: string,
  message: StreamMessage,
): Readonly<Record<string, string>> {
  const { start, end } = rangeOf(message);
  const flags = (message.previousSequence === 0 ? FIRST : 0) | (message.isClosed ? CLOSED : 0) |
    (message.kind === "gone" ? GONE : 0) | (message.hasRetention === true ? RETENTION : 0);
  return { [NOTICE_HEADER]: `${start} ${end} ${flags} ${encodeURIComponent(name)}` };
}

/** What a message's headers say; `undefined` where they say nothing of the kind. */
export function readNotice(headers: Readonly<Record<string, string>>): StreamNotice | undefined {
  const parts = NOTICE.exec(headers[NOTICE_HEADER] ?? "");
  if (parts === null) return undefined;
  const [, start, end, flagsText, encoded = ""] = parts;
  const name = decodeName(encoded);
  if (name === undefined) return undefined;
  const flags = Number(flagsText);
  return {
    name,
    start: Number(start),
    end: Number(end),
    isFirst: (flags & FIRST) !== 0,
    isClosed: (flags & CLOSED) !== 0,
    isGone: (flags & GONE) !== 0,
    hasRetention: (flags & RETENTION) !== 0,
  };
}

/** A name; `undefined` where somebody else's header has none. */
function decodeName(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** Of an append in parts, which is seen as a whole only, the last one moves the tail. */
function rangeOf(message: StreamMessage): { start: number; end: number } {
  const { start } = message;
  if (message.kind === "appends") return { start, end: start + message.data.length };
  if (message.kind !== "part") return { start, end: start };
  const { appendStart, append, index, partCount } = message;
  const isLast = index + 1 === partCount;
  return { start: appendStart, end: appendStart + (isLast ? append.lengthBytes : 0) };
}
