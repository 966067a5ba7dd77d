import type { ProducerBatch } from "./producer_batch.ts";
import { ClientError, type Undelivered } from "./client_error.ts";

/** What became of the batches that a producer can't store any more, and of their messages. */
export interface Fates {
  lost: ProducerBatch[];
  unknown: ProducerBatch[];
  undelivered: Undelivered;
}

/**
 * Tells the batches that can't have been stored from those that may have been.
 *
 * @param batches what wasn't acknowledged, oldest first
 * @param waiting messages that were never put into one of these
 */
export function tellFates(batches: Iterable<ProducerBatch>, waiting: number): Fates {
  const fates: Fates = { lost: [], unknown: [], undelivered: { lost: waiting, unknown: 0 } };
  for (const batch of batches) {
    // The server takes no batch whose predecessor it lacks (PROTOCOL §5.2.1).
    const fate = fates.lost.length > 0 || !batch.mayBeStored ? "lost" : "unknown";
    fates[fate].push(batch);
    fates.undelivered[fate] += batch.messages;
  }
  return fates;
}

/** Whether the server may have stored a batch whose attempt ended like this. */
export function mayHaveStored(error: unknown): boolean {
  if (!(error instanceof ClientError) || error.repeated) return true;
  return error.code === "network" || error.code === "timeout" || error.code === "unavailable" ||
    error.code === "invalid_response";
}

/** The error that ends a producer. */
export function producerFailure(cause: unknown, undelivered: Undelivered): ClientError {
  const { lost, unknown } = undelivered;
  return withFate(
    cause,
    undelivered,
    `The producer has stopped: ${counted(lost)} never stored, ${unknown} sent without an answer.`,
  );
}

/** What a message's own promise rejects with. */
export function messageFailure(cause: unknown, fate: "lost" | "unknown"): ClientError {
  return fate === "lost"
    ? withFate(cause, { lost: 1, unknown: 0 }, "The message was not stored.")
    : withFate(
      cause,
      { lost: 0, unknown: 1 },
      "The message was sent without an answer: it is stored once, or not at all.",
    );
}

function withFate(cause: unknown, undelivered: Undelivered, told: string): ClientError {
  if (!(cause instanceof ClientError)) {
    return new ClientError("network", `${sentence(String(cause))} ${told}`, { undelivered, cause });
  }
  return new ClientError(
    cause.code,
    `${sentence(cause.message)} ${HINTS[cause.code] ?? ""}${told}`,
    {
      ...cause,
      undelivered,
      cause,
    },
  );
}

const HINTS: Partial<Record<ClientError["code"], string>> = {
  too_large: "A smaller maxBatchBytes makes smaller requests. ",
  stale_epoch: "Another producer has taken over this id. ",
  sequence_gap: "The server lacks what it had acknowledged: was the stream deleted and made anew? ",
};

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function counted(messages: number): string {
  return messages === 1 ? "1 message was" : `${messages} messages were`;
}
