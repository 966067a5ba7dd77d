/** A server's counts since its start. */
export class Counters {
  /** SSE readers that were cut off because they left too much unread for too long. */
  droppedReaders = 0;
  /** Long-polls and SSE readers that were refused because as many waited as may. */
  rejectedReaders = 0;
  /** Requests that were refused because their client had come to its limit. */
  refusedRequests = 0;
  /** Requests that failed in a way that is a defect here. */
  internalErrors = 0;
}
