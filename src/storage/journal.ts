import type { TraceContext } from "../tracing/trace_context.ts";
import type { LogRecord } from "./records.ts";
import type { Stream } from "./stream.ts";

/** What a record leaves with the journal, to be shown to readers once it is durable. */
export interface Effect<S extends Stream = Stream> {
  readonly stream: S;
  /** The stream's state as the record leaves it. */
  readonly tail: number;
  readonly closed: boolean;
  /** How many messages of its own it has then. */
  readonly messages: number;
  /** Streams that go together with it. */
  readonly others: readonly S[];
  /** Makes all else that the record did what readers see, and lets go of what they can't see any more. */
  readonly show?: () => void;
  /** The request that it comes of, where that is traced. */
  readonly trace?: TraceContext | undefined;
}

/** The {@link Effect.others} of nearly all records. */
export const NO_OTHERS: readonly never[] = [];

/**
 * Where decided commands are recorded, in one order. An *LSN* numbers the records; it is durable when
 * all records up to it are.
 */
export interface Journal<S extends Stream = Stream> {
  /** The newest record's LSN. */
  readonly assignedLsn: number;
  /**
   * Adds a record; returns its LSN. Answers at once, so that nothing comes between a decision and its
   * record. Once that is durable, {@link showEffects} is called with its effect, if it has one, before anyone is
   * answered.
   *
   * @param effect `undefined` where readers see nothing of it
   * @throws {StreamError} `storage_failed`
   */
  append(record: LogRecord, effect: Effect<S> | undefined): number;
  /**
   * Adds a record that nobody waits for: it is written with the next one that somebody does, or some
   * milliseconds later. A crash before that undoes it.
   *
   * @throws {StreamError} `storage_failed`
   */
  note(record: LogRecord): number;
  /** Resolves when `lsn` is durable, rejects if it never will be; `undefined` where it is. */
  durable(lsn: number): Promise<void> | undefined;
  /** Whether `lsn` is durable. */
  isDurable(lsn: number): boolean;
}

/** Shows readers what has become durable, all of it before any of them is told. */
export function showEffects(effects: readonly Effect[]): void {
  for (const { stream, tail, closed, messages, show } of effects) {
    stream.publish(tail, closed, messages);
    show?.();
  }
  for (const { stream, others } of effects) {
    stream.notify();
    for (const other of others) other.notify();
  }
}
