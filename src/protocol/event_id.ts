import { type Offset, parseOffset } from "./offset.ts";

const CLOSED = "_closed";

/** Where a client that follows SSE events is: what its `Last-Event-ID` says. */
export interface EventId {
  /** Where it goes on. */
  readonly offset: Offset;
  /** Whether it has been told that the stream ends there. */
  readonly isClosed: boolean;
}

/**
 * The `id` of an SSE event: the offset at which to go on after it. That of the event which tells that the
 * stream is closed differs from that of the last data: who has got only the data is still to be told.
 *
 * @param nextOffset as it is on the wire
 */
export function formatEventId(nextOffset: string, closed: boolean): string {
  return closed ? nextOffset + CLOSED : nextOffset;
}

/**
 * What a `Last-Event-ID` says.
 *
 * @throws {StreamError} `invalid_offset` where it is no `id` of this server's
 */
export function parseEventId(value: string): EventId {
  const isClosed = value.endsWith(CLOSED);
  const token = isClosed ? value.slice(0, -CLOSED.length) : value;
  return { offset: parseOffset("Last-Event-ID", token), isClosed };
}
