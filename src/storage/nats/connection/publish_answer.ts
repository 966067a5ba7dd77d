import type { Msg } from "@nats-io/transport-node";
import type { PublishOutcome } from "../jetstream.ts";
import { ApiError, ApiErrorCode } from "./api_error.ts";
import { numberIn, parseObject } from "./json.ts";
import { statusOf } from "./requests.ts";

/** As a server writes that it has stored a message. */
const STORED = /^\{"stream":"[^"]*", ?"seq":([1-9]\d*)[,}]/;

/** What an answer to a publish says. */
export function outcomeOf(message: Msg): PublishOutcome {
  if (statusOf(message) === 503) {
    return { kind: "unavailable", reason: "no server leads what this subject belongs to" };
  }
  return outcomeOfText(message.string());
}

/** What the text of an answer to a publish says. */
export function outcomeOfText(text: string): PublishOutcome {
  const stored = STORED.exec(text);
  if (stored !== null) return { kind: "stored", sequence: Number(stored[1]) };
  const answer = parseObject(text);
  const error = ApiError.of(answer);
  if (error !== undefined) return outcomeOfError(error);
  const sequence = numberIn(answer["seq"]);
  return sequence > 0
    ? { kind: "stored", sequence }
    : { kind: "unknown", reason: "an answer that is none of JetStream's" };
}

/** Whether a batch was refused only because the log has too many open ones. */
export function hasTooManyBatches(message: Msg): boolean {
  return ApiError.of(parseObject(message.string()))?.code === ApiErrorCode.tooManyBatches;
}

/** What a refusal says of whether the message may yet be stored. */
function outcomeOfError(error: ApiError): PublishOutcome {
  const reason = `${error.message} (${error.code})`;
  switch (error.code) {
    case ApiErrorCode.wrongLastSequence:
      return { kind: "refused", lastSequence: sequenceIn(error.message) };
    case ApiErrorCode.somethingInFlight:
      return { kind: "refused", lastSequence: undefined };
    case ApiErrorCode.accountLimits:
    case ApiErrorCode.insufficientResources:
    case ApiErrorCode.memoryExceeded:
    case ApiErrorCode.storageExceeded:
      return { kind: "full", reason };
    case ApiErrorCode.storeFailed:
      // Limits are looked at before the replicas hear of a message. With any other failure the leader couldn't
      // write what the others may have written.
      return error.message.startsWith("maximum ")
        ? { kind: "full", reason }
        : { kind: "unknown", reason };
    case ApiErrorCode.tooManyBatches:
    case ApiErrorCode.clusterNotAvailable:
    case ApiErrorCode.clusterNotLeader:
    case ApiErrorCode.notEnabled:
    case ApiErrorCode.notEnabledForAccount:
    case ApiErrorCode.streamOffline:
      return { kind: "unavailable", reason };
    default:
      return error.status >= 500 ? { kind: "unknown", reason } : { kind: "rejected", reason };
  }
}

/** `wrong last sequence: 17` */
function sequenceIn(description: string): number | undefined {
  const match = /: (\d+)$/.exec(description);
  const sequence = Number(match?.[1] ?? "none");
  return Number.isSafeInteger(sequence) ? sequence : undefined;
}
