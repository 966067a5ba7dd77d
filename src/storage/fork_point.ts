import { sameContentType } from "../protocol/content_type.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { messageEnds } from "../protocol/json.ts";
import { formatOffset, type OffsetSpace, positionOf, spaceAt } from "../protocol/offset.ts";
import { checkSpace } from "./offset_spaces.ts";
import type { RangeReader } from "./range_reader.ts";
import type { CreateSpec, ForkSpec } from "./storage.ts";
import type { Stream } from "./stream.ts";

const SCAN_CHUNK_BYTES = 64 * 1024;

/**
 * Checks that a stream can be forked as a create asks for it (PROTOCOL §4.2).
 *
 * @throws {StreamError} `source_deleted` or `content_type_mismatch`
 */
export function checkForkSource(source: Stream, { contentType }: CreateSpec): void {
  if (source.lifecycle !== "there") {
    throw new StreamError(
      { code: "source_deleted" },
      `The source ${quote(source.name)} was deleted: it can't be forked any more.`,
    );
  }
  if (contentType !== undefined && !sameContentType(contentType, source.contentType)) {
    throw new StreamError(
      { code: "content_type_mismatch" },
      `Content-Type ${quote(contentType)} differs from the source's, ${source.contentType}.`,
    );
  }
}

/**
 * The position at which a fork branches off (PROTOCOL §4.2). A promise only where the source has to be
 * read for it; what was decided before is decided again then.
 *
 * @param space the space that the source's offsets are of
 * @throws {StreamError} `offset_gone`, `offset_trimmed`, `invalid_fork` or `invalid_offset`
 */
export function resolveForkPoint(
  reader: RangeReader,
  source: Stream,
  fork: ForkSpec,
  space: OffsetSpace,
): number | Promise<number> {
  const subOffset = fork.subOffset ?? 0;
  const offset = fork.offset ?? source.tail;
  checkSpace("Stream-Fork-Offset", offset, space);
  const anchor = positionOf(offset);
  // What readers can't see any more isn't seen by another name, but decided is what counts here.
  if (anchor < source.earliest) throw trimmedSource(source, space, anchor);
  if (anchor > source.tail) {
    throw new StreamError(
      { code: "invalid_fork" },
      `Stream-Fork-Offset ${formatOffset(space, anchor)} is past the source's tail, ${
        formatOffset(space, source.tail)
      }.`,
    );
  }
  if (source.json && (subOffset > 0 || (anchor > source.earliest && anchor < source.tail))) {
    return skipMessages(
      reader,
      source,
      anchor,
      subOffset,
      (available) => overshoot(subOffset, available),
    );
  }
  const point = anchor + subOffset;
  if (point > source.tail) throw overshoot(subOffset, `${source.tail - anchor} bytes`);
  return point;
}

/**
 * Where a JSON stream's message ends that is so many past an offset.
 *
 * @param tooFar the error where there are only so many
 * @throws {StreamError} that one, or `invalid_offset` where the offset is inside of a message
 */
export async function skipMessages(
  reader: RangeReader,
  source: Stream,
  anchor: number,
  count: number,
  tooFar: (available: string) => StreamError,
): Promise<number> {
  if (count === 0) await reader.checkBoundary(source, anchor);
  let at = anchor;
  let left = count;
  while (left > 0) {
    let { data, next } = await reader.chunk(source, at, SCAN_CHUNK_BYTES, source.tail);
    // Within a block there are no gaps: where a message is in it follows from its end.
    if (next - at !== data.length) {
      ({ data, next } = await reader.chunk(source, at, 1, source.tail));
    }
    if (data.length === 0) throw tooFar(`${count - left} messages`);
    const ends = messageEnds(data);
    const end = ends[left - 1] ?? data.length;
    at = next - (data.length - end);
    left -= Math.min(left, ends.length);
  }
  return at;
}

/**
 * Checks that a source has at a point what it had there: before what was compacted, messages of keys are
 * missing whose newer ones lie behind the point.
 *
 * @param compactedUpTo of the source, and of those that it is a fork of
 * @throws {StreamError} `offset_compacted`
 */
export function checkNotCompacted(
  compactedUpTo: number,
  space: OffsetSpace,
  point: number,
): void {
  if (point >= compactedUpTo) return;
  throw new StreamError(
    { code: "offset_compacted" },
    `The source was compacted beyond the fork's offset ${
      formatOffset(space, point)
    }, and hasn't all ` +
      `that it had there: the earliest that can be forked is ${
        formatOffset(space, compactedUpTo)
      }.`,
  );
}

function trimmedSource(source: Stream, space: OffsetSpace, position: number): StreamError {
  const { earliest } = source;
  return new StreamError(
    { code: "offset_trimmed", space: spaceAt(space, earliest), earliest },
    `Stream-Fork-Offset ${formatOffset(space, position)} was trimmed of the source: the earliest ` +
      `that can be forked is ${formatOffset(space, earliest)}.`,
  );
}

function overshoot(subOffset: number, available: string): StreamError {
  return new StreamError(
    { code: "invalid_fork" },
    `Stream-Fork-Sub-Offset ${subOffset} goes past the source's data: ${available} follow the offset.`,
  );
}
