import type { TraceContext } from "../tracing/trace_context.ts";
import type { Stream } from "./stream.ts";

/** Follows what records do to streams' assigned state: called right behind each, with nothing in between. */
export interface StreamObserver<S extends Stream = Stream> {
  /** A stream was made. */
  created(stream: S): void;
  /**
   * A stream goes further now: its tail was `start`.
   *
   * @param trace the request that did it, where that is traced
   */
  appended(stream: S, start: number, lsn: number, trace?: TraceContext): void;
  /** A stream is trimmed, and holds so many bytes less. */
  trimmed(stream: S, freedBytes: number, lsn: number): void;
  /** A stream is gone, softly or for good. */
  removed(stream: S, lsn: number): void;
}
