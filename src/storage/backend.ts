import type { Bytes } from "../protocol/bytes.ts";
import type { ProducerPosition } from "../protocol/errors.ts";
import type { AppendRecord, CreateRecord, DeleteRecord } from "./records.ts";
import type { Stream } from "./stream.ts";

/** What a command is about to do: a full or busy backend turns some away and lets others through. */
export type CommandKind = "write" | "delete";

/**
 * Where the engine's decisions go and streams come from. Nothing here waits but what says so: look-ups
 * and records answer at once, so that a command is decided and recorded with nothing in between.
 *
 * A *position* numbers the records in their order; it is durable when all records up to it are.
 */
export interface Backend {
  /** As in `Storage.identity`. */
  readonly identity: string;
  /** The newest record's position. */
  readonly assigned: number;
  /**
   * Lets a command in, or refuses it. A promise where it has to wait first, and ask again then.
   *
   * @param bytes what the command brings
   * @throws {StreamError} `overloaded`, `storage_full`, `storage_failed`, `storage_closed`
   */
  admit(kind: CommandKind, bytes: number): Promise<void> | undefined;
  /** A number that no stream ever had. */
  newId(): number;
  /** The stream of this name in its assigned state, a softly deleted one too. */
  find(name: string): Stream | undefined;
  /** The stream of this id, which is there. */
  load(id: number): Stream;
  /** The stream of this id, unless it is gone for good. */
  loadIfThere(id: number): Stream | undefined;
  /** A producer's newest position; afterwards it is in `stream.producers` if there is one. */
  producer(stream: Stream, id: string): ProducerPosition | undefined;
  /** Records and applies; sets the stream's `position` as the others do. */
  create(record: CreateRecord): Stream;
  append(stream: Stream, record: AppendRecord): void;
  /** `streams` are those of the record's ids, in the same order. */
  remove(record: DeleteRecord, streams: readonly Stream[]): void;
  /** The stream was used: enough of that is worth remembering. */
  touched(stream: Stream): void;
  /** Resolves when `position` is durable, rejects if it never will be; `undefined` where it is. */
  durable(position: number): Promise<void> | undefined;
  /**
   * Where a chunk of the stream's own bytes from `from` may end so that it has at most `limitBytes`: at
   * a message's boundary or at `to`, after `from` in any case; perhaps earlier, where what is kept
   * together ends.
   */
  chunkEnd(stream: Stream, from: number, limitBytes: number, to: number): number | Promise<number>;
  /** The stream's own bytes from `from` up to `to`, checked. */
  read(stream: Stream, from: number, to: number): Bytes | Promise<Bytes>;
  /** Whether a block of the stream's own bytes begins at `offset`: a message does, then. */
  isBlockStart(stream: Stream, offset: number): boolean | Promise<boolean>;
  /** Flushes all and lets go of everything; see `Storage.close`. */
  close(limitMs?: number): Promise<void>;
}
