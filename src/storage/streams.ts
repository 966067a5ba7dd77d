import { type ProducerState, StreamError } from "../protocol/errors.ts";
import type { NameRange } from "../protocol/name_order.ts";
import type { CreateRecord, ProducerBatch } from "./records.ts";
import type { Stream } from "./stream.ts";

/** The streams in their assigned state. Nothing here waits, so that a command is decided on one state. */
export interface Streams<S extends Stream = Stream> {
  /** A number that no stream ever had. */
  newId(): number;
  /** The stream of this name, a softly deleted one too. */
  find(name: string): S | undefined;
  /** The stream of this id, unless it is gone for good. */
  loadIfThere(id: number): S | undefined;
  /** As {@link loadIfThere}, but not loaded and not used by that: as {@link list} has it. */
  summary(id: number): S | undefined;
  /** To be waited for before {@link list}, which takes long where many streams are new to it. */
  sortNames(): Promise<void> | undefined;
  /**
   * The streams in a range of names, in order, softly deleted ones too. None is loaded for it and none
   * counts as used: one that isn't in memory comes as a summary that has no data.
   *
   * @param expected how many of them are likely to be taken
   */
  list(range: NameRange, expected: number): Iterable<S>;
  /** A producer's newest state; afterwards it is in `stream.producers` if there is one. */
  producer(stream: S, id: string): ProducerState | undefined;
  /** A stream as its create record leaves it, but for the record's own data; not added yet. */
  make(record: CreateRecord): S;
  /** Adds a stream that was just made. */
  add(stream: S): void;
  /** Takes out a stream that is gone for good. */
  remove(stream: S): void;
  /**
   * The stream has changed and is to be stored.
   *
   * @param producerId the producer that has changed with it
   */
  markDirty(stream: S, producerId?: string): void;
  /** The stream was used: enough of that is worth remembering. */
  accessed(stream: S): void;
}

/** Streams that can be described. */
export interface DescribedStreams<S extends Stream = Stream> extends Streams<S> {
  /** The first of a stream's producers by their ids; none is loaded for it. */
  producers(stream: S, limit: number): readonly ProducerBatch[];
  /** The names of the streams that are there and have this one as their source, in no order. */
  forks(stream: S, limit: number): readonly string[];
  /**
   * Readers can't see any more what lies before the stream's `durableEarliest`, or one of its forks is gone:
   * lets go of what nobody can see, of its sources too.
   */
  release(stream: S): void;
}

/** Why a fork can't be used whose source isn't there. */
export function missingSource(id: number): StreamError {
  return new StreamError(
    { code: "damaged" },
    `Stream ${id} is missing, of which others are forks.`,
  );
}
