import { StreamError } from "../../../protocol/errors.ts";
import { JetStreamError } from "../jetstream.ts";

/** Why something can't be answered now: the cluster can't be reached, or is without a quorum. */
export function unreachable(reason: string): StreamError {
  return new StreamError(
    { code: "storage_unreachable" },
    `The cluster that keeps the streams can't be reached now, or has no quorum: ${reason} Try again.`,
  );
}

/** As {@link unreachable}, for a write that may have been stored nevertheless, or be stored later. */
export function outcomeUnknown(reason: string): StreamError {
  return new StreamError(
    { code: "storage_unreachable" },
    "The cluster that keeps the streams has not said in time whether this was stored, and it may " +
      `be: ${reason} A producer may send the same batch again.`,
  );
}

/** An error of the cluster's as one of a request. */
export function toStreamError(error: unknown): unknown {
  return error instanceof JetStreamError ? unreachable(sentence(error.message)) : error;
}

/** Text that ends as a sentence does. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
