import type { ProducerBatch } from "./batch.ts";
import { ClientError, type Undelivered } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";

/** The batches that a failed producer couldn't store, by what is known of them. */
export interface DeliveryOutcomes {
  lost: ProducerBatch[];
  unknown: ProducerBatch[];
  undelivered: Undelivered;
}

/**
 * Separates the batches that can't have been stored from those that may have been.
 *
 * @param batches those that weren't acknowledged, oldest first
 * @param waiting how many messages were never put into one of these
 */
export function deliveryOutcomes(
  batches: Iterable<ProducerBatch>,
  waiting: number,
): DeliveryOutcomes {
  const outcomes: DeliveryOutcomes = {
    lost: [],
    unknown: [],
    undelivered: { lost: waiting, unknown: 0 },
  };
  for (const batch of batches) {
    // The server takes no batch whose predecessor it lacks (PROTOCOL §5.2.1).
    const outcome = outcomes.lost.length > 0 || !batch.mayBeStored ? "lost" : "unknown";
    outcomes[outcome].push(batch);
    outcomes.undelivered[outcome] += batch.messages;
  }
  return outcomes;
}

/** Whether the server may have stored a batch whose attempt failed with this error. */
export function mayHaveStored(error: unknown): boolean {
  if (!(error instanceof ClientError) || error.repeated) return true;
  return error.code === "network" || error.code === "timeout" || error.code === "unavailable" ||
    error.code === "invalid_response";
}

/** The error of a producer that fails because of `cause`, as a whole or for one message. */
export function producerFailure(cause: unknown, undelivered: Undelivered): ClientError {
  const { lost, unknown } = undelivered;
  const code = cause instanceof ClientError ? cause.code : "network";
  const known = cause instanceof ClientError ? cause : {};
  return new ClientError(
    code,
    `${
      reasonOf(cause)
    } The producer has stopped; messages that were never stored: ${lost}, that may ` +
      `be: ${unknown}.`,
    { ...known, undelivered, cause },
  );
}
