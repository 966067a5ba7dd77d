import type { FileSlice } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { StreamError } from "../protocol/errors.ts";
import type { Offset } from "../protocol/offset.ts";

/**
 * The snapshots of a storage's streams (an extension): for each stream at most one, an application's state
 * as of an offset. Every call that changes something resolves when the change is durable, and every
 * answer rests on durable state. Calls reject with a `StreamError`; where the stream isn't there with
 * `not_found` or `gone`.
 */
export interface SnapshotStore {
  /**
   * Keeps a snapshot in place of the one that is kept: all of it, or nothing.
   *
   * @throws {StreamError} `snapshot_regression` where the kept one is of a later offset,
   * `offset_past_tail`, `offset_gone`, `invalid_offset` where the offset is inside of a message,
   * `quota_exceeded`, `storage_full`, `damaged`
   */
  put(name: string, spec: SnapshotSpec): Promise<KeptSnapshot>;
  /**
   * The newest one; counts as use of the stream.
   *
   * @param mayBeSlice whether a long body may come as a part of the file that it is in: who gets one
   * releases it
   * @throws {StreamError} `snapshot_not_found`, `damaged`
   */
  get(name: string): Promise<ReadSnapshot<Bytes>>;
  get(name: string, mayBeSlice: boolean): Promise<ReadSnapshot>;
  /**
   * What is known of it; doesn't count as use.
   *
   * @throws {StreamError} `snapshot_not_found`
   */
  head(name: string): Promise<SnapshotInfo>;
  /**
   * Lets go of it.
   *
   * @throws {StreamError} `snapshot_not_found`
   */
  delete(name: string): Promise<void>;
}

/** A snapshot to be kept. */
export interface SnapshotSpec {
  /** Up to where the stream is in it, and where whoever has it goes on. */
  readonly offset: Offset;
  /** Bytes, or messages in JSON mode, past `offset` that are in it too; 0 unless given. */
  readonly subOffset?: number | undefined;
  readonly contentType: string;
  /** Not changed any more, and not kept as it is. */
  readonly body: Bytes;
}

/** What is known of a snapshot. */
export interface SnapshotInfo {
  /** The stream's id, and the snapshot's number: no other one of this storage has both. */
  readonly streamId: number;
  /** As {@link streamId} says. */
  readonly number: number;
  /** That of {@link position}. */
  readonly space: number;
  /** Where whoever has it goes on. */
  readonly position: number;
  /** When it was kept, in ms since 1970. */
  readonly atMs: number;
  readonly contentType: string;
  /** How long it is. */
  readonly bytes: number;
}

/** A put's answer. */
export interface KeptSnapshot extends SnapshotInfo {
  /** Whether there was none before. */
  readonly isFirst: boolean;
}

/** A snapshot with its content. */
export interface ReadSnapshot<Body = Bytes | FileSlice> extends SnapshotInfo {
  /** The storage's own: not to be changed, nor to be given away. */
  readonly body: Body;
}

/** A snapshot as its stream has it, without the content. */
export interface SnapshotRef {
  /** No other body of the stream has it; of the same numbers as streams' ids. */
  readonly number: number;
  readonly position: number;
  /** When it was kept, in ms since 1970. */
  readonly atMs: number;
  readonly contentType: string;
  /** How long its body is. */
  readonly bytes: number;
  /** The CRC-32 of its body. */
  readonly crc32: number;
  /** The record that brought it; 0 where that is in the stream's row. */
  readonly lsn: number;
}

/** The error of a storage that keeps no snapshots. */
export function noSnapshots(): StreamError {
  return new StreamError(
    { code: "snapshots_unsupported" },
    "This server's storage keeps no snapshots: read the stream from its start.",
  );
}
