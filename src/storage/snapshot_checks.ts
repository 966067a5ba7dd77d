import { quote, StreamError } from "../protocol/errors.ts";
import { formatOffset, type OffsetSpace, positionOf, spaceAt } from "../protocol/offset.ts";
import { skipMessages } from "./fork_point.ts";
import { checkSpace } from "./offset_spaces.ts";
import type { RangeReader } from "./range_reader.ts";
import type { SnapshotSpec } from "./snapshot_store.ts";
import type { Stream } from "./stream.ts";
import { trimmedError } from "./trimmed_error.ts";

/** The bodies that are on their way may have so many bytes together, or one alone more. */
const LIMIT_BYTES = 64 * 1024 * 1024;

/** The memory of the bodies that are on their way. */
export class SnapshotRoom {
  readonly #what: string;
  #bytes = 0;

  /** @param what what is done with them */
  constructor(what: "written" | "read") {
    this.#what = what;
  }

  /**
   * Runs what has a body of so many bytes in its hands.
   *
   * @throws {StreamError} `overloaded` where there is no room for it
   */
  async within<T>(bytes: number, run: () => Promise<T>): Promise<T> {
    const waiting = this.#bytes;
    if (waiting > 0 && waiting + bytes > LIMIT_BYTES) {
      throw new StreamError(
        { code: "overloaded" },
        `Snapshots of ${waiting} bytes are being ${this.#what}, and ${bytes} more don't fit: try again.`,
      );
    }
    this.#bytes += bytes;
    try {
      return await run();
    } finally {
      this.#bytes -= bytes;
    }
  }
}

/**
 * The position that a snapshot is of.
 *
 * @param space the space that the stream's offsets are of
 * @throws {StreamError} `offset_gone`, `offset_past_tail`, `offset_trimmed`, `invalid_offset`
 */
export function snapshotPosition(
  reader: RangeReader,
  space: OffsetSpace,
  stream: Stream,
  { offset, subOffset = 0 }: SnapshotSpec,
): number | Promise<number> {
  checkSpace("Stream-Snapshot-Offset", offset, space);
  const anchor = positionOf(offset);
  const { tail } = stream;
  if (anchor > tail) {
    throw new StreamError(
      { code: "offset_past_tail" },
      `Stream-Snapshot-Offset ${formatOffset(space, anchor)} is past the stream's tail, ${
        formatOffset(space, tail)
      }: a snapshot is of what is in the stream.`,
    );
  }
  if (anchor < stream.earliest) {
    throw trimmedError("Stream-Snapshot-Offset", stream, space, anchor);
  }
  if (stream.json && (subOffset > 0 || (anchor > 0 && anchor < tail))) {
    return skipMessages(reader, stream, anchor, subOffset, pastTail(subOffset));
  }
  if (anchor + subOffset > tail) throw pastTail(subOffset)(`${tail - anchor} bytes`);
  return anchor + subOffset;
}

/**
 * Checks that a snapshot may take the place of what a stream has.
 *
 * @param kept the position of what it has, if it has one
 * @param space the space that the stream's offsets are of
 * @throws {StreamError} `snapshot_regression`, `offset_trimmed`
 */
export function checkSnapshotPosition(
  stream: Stream,
  kept: number | undefined,
  position: number,
  space: OffsetSpace,
): void {
  if (kept !== undefined && position < kept) {
    throw new StreamError(
      { code: "snapshot_regression", space: spaceAt(space, kept), position: kept },
      `Stream-Snapshot-Offset ${formatOffset(space, position)} is before that of the snapshot ` +
        `that is kept, ${formatOffset(space, kept)}: that one stays.`,
    );
  }
  // It may have been trimmed past the place meanwhile.
  if (position < stream.earliest) {
    throw trimmedError("Stream-Snapshot-Offset", stream, space, position);
  }
}

/** The error for a stream without a snapshot. */
export function noSnapshot(name: string): StreamError {
  return new StreamError(
    { code: "snapshot_not_found" },
    `There is no snapshot of the stream ${quote(name)}: read it from its start.`,
  );
}

/** The error where a stream has gone before its snapshot was kept. */
export function replacedStream(name: string): StreamError {
  return new StreamError(
    { code: "not_found" },
    `The stream ${quote(name)} was deleted while its snapshot was on its way.`,
  );
}

function pastTail(subOffset: number): (available: string) => StreamError {
  return (available) =>
    new StreamError(
      { code: "offset_past_tail" },
      `Stream-Snapshot-Sub-Offset ${subOffset} goes past the stream's tail: ${available} follow ` +
        "the offset.",
    );
}
