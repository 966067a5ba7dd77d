/** What a `Producer` holds just now. */
export interface ProducerGauges {
  /** `send`s that wait for room. */
  waitingMessages: number;
  /** Messages that it has taken and that aren't on their way. */
  queuedMessages: number;
  /** Full batches that aren't on their way. */
  queuedBatches: number;
  /** Messages in batches that are on their way, or wait to be sent again. */
  inFlightMessages: number;
  /** Batches that are on their way, or wait to be sent again. */
  inFlightBatches: number;
  /** Bytes that aren't stored yet, as `maxBufferedBytes` counts them. */
  bufferedBytes: number;
}
