import { RequestDurations } from "./request_durations.ts";
import { RequestCounts } from "./request_counts.ts";

/** A server's counts since its start. */
export class Counters {
  /** SSE readers that were cut off because they left too much unread for too long. */
  droppedReaders = 0;
  /** Long-polls and SSE readers that were refused because as many waited as may. */
  rejectedReaders = 0;
  /** Requests that were refused because their client had come to its limit. */
  refusedRequests = 0;
  /** Tokens that nobody verified, because too many of their address had failed. */
  refusedTokens = 0;
  /** Requests that failed in a way that is a defect here. */
  internalErrors = 0;
  /** Answers with an error, by its code; without those of `internalErrors`. */
  readonly errors = new Map<string, number>();
  readonly requests = new RequestCounts();
  readonly durations = new RequestDurations();

  /** Counts one more answer with this code. */
  addError(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }
}
