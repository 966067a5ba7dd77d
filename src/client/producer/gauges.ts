/** The messages and batches that a `Producer` holds now. */
export interface ProducerGauges {
  /** Calls of `send` that wait for room. */
  waitingMessages: number;
  /** Messages that it has accepted and that aren't in flight. */
  queuedMessages: number;
  /** Full batches that aren't in flight. */
  queuedBatches: number;
  /** Messages in batches that are in flight, or wait for a retry. */
  inFlightMessages: number;
  /** Batches that are in flight, or wait for a retry. */
  inFlightBatches: number;
  /** Bytes that aren't stored yet, as `maxBufferedBytes` counts them. */
  bufferedBytes: number;
}
