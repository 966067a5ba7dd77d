import { formatPlace, type Place } from "../transport/place.ts";
import { tokenPosition } from "../../protocol/offset.ts";

/** What a reader that skips was too late for: it was trimmed before it was read. */
export interface Missed {
  /** Where the reader was. */
  from: string;
  /** Where it went on: what lies between is kept no more. */
  to: string;
  /** How many bytes are between, as they are stored; left out if the offsets don't say. */
  bytes?: number;
  /** How many messages are between; left out unless the reader counts them (`ordinals`). */
  messages?: number;
}

/** What was missed in two parts, with nothing read between them. */
export function missedInAll(before: Missed | undefined, missed: Missed): Missed {
  if (before === undefined) return missed;
  const all: Missed = { from: before.from, to: missed.to };
  if (before.bytes !== undefined && missed.bytes !== undefined) {
    all.bytes = before.bytes + missed.bytes;
  }
  return all;
}

/** What lies between a place and the offset at which its reader goes on. */
export function missedBetween(from: Place, to: string): Missed {
  const missed: Missed = { from: formatPlace(from), to };
  const start = from.skip === 0 ? tokenPosition(from.offset) : undefined;
  const end = tokenPosition(to);
  if (start !== undefined && end !== undefined) missed.bytes = end - start;
  return missed;
}
