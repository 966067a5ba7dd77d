import { type Offset, parseOffset } from "./offset.ts";

const CLOSED = "_closed";

/** How far a client has followed SSE events: the meaning of its `Last-Event-ID`. */
export interface EventId {
  /** Where it continues. */
  readonly offset: Offset;
  /** Whether it knows that the stream ends there. */
  readonly isClosed: boolean;
}

/**
 * The `id` of an SSE event: the offset at which to continue after it. That of the event of the closure
 * differs from that of the last data: a client that has only the data doesn't know of the closure yet.
 *
 * @param nextOffset as it is on the wire
 */
export function formatEventId(nextOffset: string, closed: boolean): string {
  return closed ? nextOffset + CLOSED : nextOffset;
}

/**
 * Parses a `Last-Event-ID`.
 *
 * @throws {StreamError} `invalid_offset` where it is no `id` of this server's
 */
export function parseEventId(value: string): EventId {
  const isClosed = value.endsWith(CLOSED);
  const token = isClosed ? value.slice(0, -CLOSED.length) : value;
  return { offset: parseOffset("Last-Event-ID", token), isClosed };
}
