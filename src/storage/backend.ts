import type { ProducerState } from "../protocol/errors.ts";
import type { NameRange } from "../protocol/name_order.ts";
import type { AppendRecord, CreateRecord, DeleteRecord } from "./records.ts";
import type { StorageStatus } from "./status.ts";
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
  readonly assignedLsn: number;
  /**
   * Lets a command in, or refuses it. A promise where it has to wait first, and ask again then.
   *
   * @param bytes what the command brings
   * @throws {StreamError} `overloaded`, `storage_full`, `storage_failed`, `storage_closed`
   */
  admit(kind: CommandKind, bytes: number): Promise<void> | undefined;
  /** As in `Storage.status`. */
  status(): StorageStatus;
  /** A number that no stream ever had. */
  newId(): number;
  /** The stream of this name in its assigned state, a softly deleted one too. */
  find(name: string): Stream | undefined;
  /** The stream of this id, which is there. */
  load(id: number): Stream;
  /** The stream of this id, unless it is gone for good. */
  loadIfThere(id: number): Stream | undefined;
  /**
   * The stream of this id, which is there; not loaded and not used by that: as {@link list} has it.
   *
   * @throws {StreamError} `damaged`
   */
  summary(id: number): Stream;
  /**
   * The streams in a range of names, in order, softly deleted ones too. None is loaded for it and none
   * counts as used: what isn't in memory comes as a likeness that has no data.
   *
   * @param expected how many of them are likely to be taken
   */
  list(range: NameRange, expected: number): Iterable<Stream>;
  /** A producer's newest position; afterwards it is in `stream.producers` if there is one. */
  producer(stream: Stream, id: string): ProducerState | undefined;
  /** Records and applies; sets the stream's `position` as the others do. */
  create(record: CreateRecord): Stream;
  append(stream: Stream, record: AppendRecord): void;
  /** `streams` are those of the record's ids, in the same order. */
  remove(record: DeleteRecord, streams: readonly Stream[]): void;
  /** The stream was used: enough of that is worth remembering. */
  accessed(stream: Stream): void;
  /** Resolves when `position` is durable, rejects if it never will be; `undefined` where it is. */
  durable(position: number): Promise<void> | undefined;
  /** Whether `position` is durable. */
  isDurable(position: number): boolean;
  /** Flushes all and lets go of everything; see `Storage.close`. */
  close(limitMs?: number): Promise<void>;
}
